//! The example games as programs for Linux on arm64, with the library cross-built for it, under qemu: they play against a
//! real server that scales in under them. Over TCP: the user mode of qemu 7.2 loses packets that are sent with options
//! (its `sendmsg` answers 0), and QUIC's handshake does not get through.
//!
//! Behind the feature `e2e`, so that the library's tests run without the server.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::cross::{compile, library_for};
use native::run;
use native::server::Server;
use std::path::Path;
use std::process::Command;

const CC: &str = "aarch64-linux-gnu-gcc";
const QEMU: &str = "qemu-aarch64-static";
/// Where Debian's cross compiler has that platform's C library.
const SYSROOT: &str = "/usr/aarch64-linux-gnu";

fn play(game: &Path, library: &Path, arguments: &[&str]) -> String {
    let said = run(Command::new(QEMU)
        .args(["-L", SYSROOT, "-E"])
        .arg(format!("LD_LIBRARY_PATH={}", library.display()))
        .arg(game)
        .args(arguments));
    println!("{said}");
    said
}

#[test]
fn games_on_arm64_survive_a_move_over_tcp() {
    let Some(library) = library_for("aarch64-unknown-linux-gnu", &[CC, QEMU]) else { return };
    let dir = native::scratch("e2e_arm64");
    let build = |source: &str| {
        let name = Path::new(source).file_stem().expect("a source has a name");
        let program = dir.join(name);
        let library = library.to_string_lossy();
        compile(CC, source, &["-std=c99", "-L", &library, "-lsterna", "-pthread"], &program);
        program
    };
    let game = build("examples/c/game.c");
    let server = Server::start(&["--scale-in-every", "2s"]);
    let said = play(&game, &library, &["--until-migrated", &server.token]);
    assert!(said.contains("migrated to"), "{said}");

    let room = build("examples/c/room.c");
    let server = Server::start(&["--scale-in-every", "2s"]);
    let tokens: Vec<String> = (1..=4).map(|number| server.token_for(&format!("player-{number}"))).collect();
    let mut arguments = vec!["--until-migrated"];
    arguments.extend(tokens.iter().map(String::as_str));
    let said = play(&room, &library, &arguments);
    assert!(said.contains("4 of 4 players in the room, 4 have moved"), "{said}");
}
