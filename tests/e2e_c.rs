//! The C and C++ example games against a real server that scales in under them.
//!
//! Behind the feature `e2e`, so that the library's tests run without the server.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::server::Server;
use native::{Link, compile};
use std::path::Path;
use std::process::Command;

fn survives_a_move(game: &Path, arguments: &[&str]) {
    let server = Server::start(&["--scale-in-every", "2s"]);
    let mut command = Command::new(game);
    command.args(arguments).arg("--until-migrated").env("STERNA_TOKEN", &server.token);
    let said = native::run(&mut command);
    println!("{said}");
    assert!(said.contains("migrated to"), "{said}");
}

#[test]
fn a_game_in_c_survives_a_move_over_tcp_and_udp() {
    let dir = native::scratch("e2e_c");
    let game = compile("cc", "examples/c/game.c", &["-std=c99"], Link::Shared, &dir);
    survives_a_move(&game, &[]);
    survives_a_move(&game, &["--udp"]);
}

#[test]
fn a_game_in_cpp_survives_a_move_over_tcp_and_udp() {
    let dir = native::scratch("e2e_cpp");
    let flags = ["-std=c++17", "-fno-exceptions", "-fno-rtti"];
    let game = compile("c++", "examples/cpp/game.cpp", &flags, Link::Shared, &dir);
    survives_a_move(&game, &[]);
    survives_a_move(&game, &["--udp"]);
}

#[test]
fn sending_does_not_allocate() {
    let dir = native::scratch("e2e_no_allocation");
    let program = compile("cc", "tests/c/no_allocation.c", &["-std=c99"], Link::Shared, &dir);
    let server = Server::start(&[]);
    native::play(&program, &[&server.token]);
}
