//! The C and C++ example games against a real server that scales in under them.
//!
//! Behind the feature `e2e`, so that the library's tests run without the server.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::server::Server;
use native::{Link, compile, library_dir};
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
    native::play(&program, &[&server.token, "room"]);
}

/// Tokens for this many users.
fn tokens(server: &Server, count: usize) -> Vec<String> {
    (1..=count).map(|number| server.token_for(&format!("player-{number}"))).collect()
}

#[test]
fn members_hear_of_everything_and_every_refusal_has_a_status_of_its_own() {
    let dir = native::scratch("e2e_room");
    let program = compile("cc", "tests/c/room.c", &["-std=c99"], Link::Shared, &dir);
    native::in_parallel(&["tcp", "udp"], |transport| {
        let server = Server::start(&[]);
        let tokens = tokens(&server, 3);
        native::play(&program, &[transport, &tokens[0], &tokens[1], &tokens[2]]);
    });
}

#[test]
fn a_room_in_c_survives_a_move_over_tcp_and_udp() {
    let dir = native::scratch("e2e_room_example");
    let game = compile("cc", "examples/c/room.c", &["-std=c99"], Link::Shared, &dir);
    for transport in [None, Some("--udp")] {
        let server = Server::start(&["--scale-in-every", "2s"]);
        let tokens = tokens(&server, 4);
        let mut command = Command::new(&game);
        let said = native::run(command.args(transport).arg("--until-migrated").args(&tokens));
        println!("{said}");
        assert!(said.contains("4 of 4 players in the room, 4 have moved"), "{said}");
    }
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
fn rooms_under_the_names_that_games_have_had_for_years_move() {
    let dir = native::scratch("e2e_diarkis_room");
    let game = compile("c++", "tests/cpp/diarkis_room.cpp", &["-std=c++17"], Link::Shared, &dir);
    let server = Server::start(&["--scale-in-every", "2s"]);
    let tokens = tokens(&server, 2);
    println!("{}", native::play(&game, &[&tokens[0], &tokens[1]]));
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
