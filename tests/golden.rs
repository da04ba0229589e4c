//! The promise of a stable binary interface: a game that was compiled against the library's first header, and was never
//! compiled again, still runs with today's library. See `tests/golden/README.md`.
//!
//! Behind the feature `e2e`, so that the library's tests run without the server.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))] // what it was compiled for

mod native;

use native::server::Server;
use native::{library_dir, root, run};
use ring::digest::{SHA256, digest};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden").join(name)
}

#[test]
fn a_game_of_the_first_header_plays_with_todays_library() {
    let program = native::scratch("golden").join("consumer");
    let dir = library_dir();
    run(Command::new("cc")
        .arg(golden("consumer.o"))
        .args(["-pthread", "-lsterna", "-L"])
        .arg(&dir)
        .arg(format!("-Wl,-rpath,{}", dir.display()))
        .arg("-o")
        .arg(&program));
    native::in_parallel(&["tcp", "udp"], |transport| {
        let server = Server::start(&["--scale-in-every", "2s"]);
        let said = native::play(&program, &[transport, &server.token]);
        println!("{said}");
        assert!(said.contains("moved"), "{said}");
    });
}

/// A consumer that is compiled anew with today's header proves nothing.
#[test]
fn nobody_has_compiled_it_again() {
    let written = fs::read_to_string(golden("README.md")).expect("it says what was compiled");
    for name in ["consumer.c", "consumer.o"] {
        let hash = digest(&SHA256, &fs::read(golden(name)).expect("it is committed"));
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(written.contains(&format!("| `{name}` | `{hash}` |")), "{name} is another one: {hash}");
    }
}
