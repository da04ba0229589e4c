//! The example games as programs for Windows, with the DLL, under Wine: they play against a real server that scales in
//! under them.
//!
//! Behind the feature `e2e`, so that the library's tests run without the server.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::cross::{compile, library_for};
use native::server::Server;
use native::{root, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CC: &str = "x86_64-w64-mingw32-gcc";
const CXX: &str = "x86_64-w64-mingw32-g++";

/// A folder with a Windows of its own, and the DLL beside the programs.
struct Windows {
    dir: PathBuf,
    library: PathBuf,
}

impl Windows {
    fn new() -> Option<Self> {
        let library = library_for("x86_64-pc-windows-gnu", &[CC, CXX, "wine"])?;
        let dir = native::scratch("e2e_windows");
        fs::copy(library.join("sterna.dll"), dir.join("sterna.dll")).expect("cross-libraries.sh made it");
        run(Command::new(CC)
            .args(["-shared", "-o"])
            .arg(dir.join("bcryptprimitives.dll"))
            .arg(root().join("tests/windows/bcryptprimitives.c"))
            .arg("-ladvapi32"));
        let windows = Self { dir, library };
        // The first start makes a Windows, which takes longer than nodes stay that are scaled in every two seconds.
        windows.run(Path::new("wineboot"), &["--init"]);
        Some(windows)
    }

    fn compile(&self, compiler: &str, source: &str, standard: &str) -> PathBuf {
        let name = Path::new(source).file_name().expect("a source has a name").to_string_lossy();
        let program = self.dir.join(format!("{name}.exe"));
        let import = self.library.join("libsterna.dll.a");
        compile(compiler, source, &[standard, "-static", &import.to_string_lossy()], &program);
        program
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> String {
        let said = run(Command::new("wine")
            .arg(program)
            .args(arguments)
            .env("WINEPREFIX", self.dir.join("wine"))
            .env("WINEDEBUG", "-all")
            // Otherwise the first start asks on a screen whether to install .NET and a browser.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml="));
        println!("{said}");
        said
    }
}

#[test]
fn games_on_windows_survive_a_move_over_tcp_and_udp() {
    let Some(windows) = Windows::new() else { return };
    let in_c = windows.compile(CC, "examples/c/game.c", "-std=c99");
    let in_cpp = windows.compile(CXX, "examples/cpp/game.cpp", "-std=c++17");
    for (game, transport) in [(&in_c, None), (&in_c, Some("--udp")), (&in_cpp, None)] {
        let server = Server::start(&["--scale-in-every", "4s"]);
        let mut arguments: Vec<&str> = transport.into_iter().collect();
        arguments.extend(["--until-migrated", &server.token]);
        let said = windows.run(game, &arguments);
        assert!(said.contains("migrated to"), "{said}");
    }

    let room = windows.compile(CC, "examples/c/room.c", "-std=c99");
    for transport in [None, Some("--udp")] {
        let server = Server::start(&["--scale-in-every", "4s"]);
        let tokens: Vec<String> =
            (1..=4).map(|number| server.token_for(&format!("player-{number}"))).collect();
        let mut arguments: Vec<&str> = transport.into_iter().collect();
        arguments.push("--until-migrated");
        arguments.extend(tokens.iter().map(String::as_str));
        let said = windows.run(&room, &arguments);
        assert!(said.contains("4 of 4 players in the room, 4 have moved"), "{said}");
    }
}
