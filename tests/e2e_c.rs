//! The C and C++ example games against a real server that scales in under them.
//!
//! Needs the server's program: `STERNA_SERVER`, or `sterna` beside the test's folder (`cargo build --workspace`
//! puts it there). Behind the feature `e2e`, so that the library's tests run without the server.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::{Link, compile, library_dir};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server with three nodes in one process.
struct Server {
    process: Child,
    token: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let program = program();
        let mut process = Command::new(&program)
            .args(["serve", "--nodes", "3", "--dev", "--admin", "127.0.0.1:0"])
            .args(["--tcp-port", "0", "--quic-port", "0", "--peer-port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let token = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.trim().strip_prefix("token: ")?.to_owned()));
        // It goes on writing; somebody must read, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { token: token.expect("the server prints a token before it ends"), process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("STERNA_SERVER")
        .map_or_else(|| library_dir().parent().expect("deps has a parent").join("sterna"), PathBuf::from);
    assert!(path.exists(), "no server at {}: run `cargo build --workspace` first", path.display());
    path
}

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

#[test]
fn the_answers_to_offline_that_games_have_had_for_years_move_them() {
    let dir = native::scratch("e2e_diarkis");
    let game = compile("c++", "tests/cpp/diarkis_moves.cpp", &["-std=c++17"], Link::Shared, &dir);
    for transport in ["tcp", "udp"] {
        let server = Server::start(&["--scale-in-every", "2s"]);
        println!("{transport}: {}", native::play(&game, &[transport, &server.token]));
    }
}

#[test]
fn a_game_that_hangs_with_its_queue_full_is_moved_and_loses_nothing() {
    let dir = native::scratch("e2e_asleep");
    let game = compile("cc", "tests/c/asleep.c", &["-std=c99"], Link::Shared, &dir);
    native::in_parallel(&["tcp", "udp"], |transport| {
        let server = Server::start(&["--scale-in-every", "2s"]);
        println!("{transport}: {}", native::play(&game, &[transport, &server.token]));
    });
}

#[test]
fn the_library_can_be_unloaded_after_play_and_loaded_again() {
    let dir = native::scratch("e2e_unload");
    let program = compile("cc", "tests/c/unload.c", &["-std=c99"], Link::Nothing, &dir);
    let library = library_dir().join("libsterna.so");
    let library = library.to_str().expect("the path is UTF-8");
    let server = Server::start(&[]);
    for transport in ["tcp", "udp"] {
        native::play(&program, &[library, &server.token, transport]);
    }
}

#[test]
fn the_games_leak_nothing() {
    let dir = native::scratch("e2e_valgrind");
    let in_c = compile("cc", "examples/c/game.c", &["-std=c99"], Link::Shared, &dir);
    let in_cpp = compile("c++", "examples/cpp/game.cpp", &["-std=c++17"], Link::Shared, &dir);
    for game in [in_c, in_cpp] {
        let server = Server::start(&["--scale-in-every", "2s"]);
        native::play_under_valgrind(&game, &[&server.token, "--until-migrated"], true);
    }
}
