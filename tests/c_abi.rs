//! C and C++ programs against the built library, without a server.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::{
    Link, compile, compilers, dead_token, in_parallel, library_dir, play, play_under_valgrind, root, run,
};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

#[test]
fn the_header_is_clean_in_every_dialect() {
    let dir = native::scratch("hygiene");
    let c = compilers(&["cc", "gcc", "clang", "x86_64-w64-mingw32-gcc"]);
    let cpp = compilers(&["c++", "g++", "clang++", "x86_64-w64-mingw32-g++"]);
    let mut jobs: Vec<(&str, &str, &str)> = Vec::new();
    for compiler in c {
        jobs.extend(["c99", "c11", "c2x"].map(|standard| (compiler, "c", standard)));
    }
    for compiler in cpp {
        jobs.extend(["c++11", "c++17", "c++20"].map(|standard| (compiler, "c++", standard)));
    }
    in_parallel(&jobs, |(compiler, language, standard)| {
        for source in ["tests/c/hygiene.c", "tests/c/layout.c"] {
            run(Command::new(compiler)
                .args(native::WARNINGS)
                .args(["-x", language, &format!("-std={standard}"), "-fsyntax-only", "-I"])
                .arg(root().join("include"))
                .arg(root().join(source))
                .current_dir(&dir));
        }
    });
}

#[test]
fn the_cpp_classes_are_clean_without_exceptions_and_rtti() {
    let mut jobs = Vec::new();
    for compiler in compilers(&["c++", "g++", "clang++"]) {
        for standard in ["c++17", "c++20"] {
            for source in ["tests/cpp/diarkis.cpp", "tests/cpp/binding.cpp", "examples/cpp/game.cpp"] {
                jobs.push((compiler, standard, source));
            }
        }
    }
    in_parallel(&jobs, |(compiler, standard, source)| {
        run(Command::new(compiler)
            .args(native::WARNINGS)
            .args(["-fno-exceptions", "-fno-rtti", "-Woverloaded-virtual", "-fsyntax-only"])
            .arg(format!("-std={standard}"))
            .arg("-I")
            .arg(root().join("include"))
            .arg("-I")
            .arg(root().join("bindings/cpp/include"))
            .arg(root().join(source)));
    });
}

#[test]
fn wrong_arguments_are_answered() {
    let dir = native::scratch("arguments");
    let program = compile("cc", "tests/c/arguments.c", &["-std=c99"], Link::Shared, &dir);
    play(&program, &[]);
    play_under_valgrind(&program, &[], false);
}

#[test]
fn wrong_arguments_about_rooms_are_answered() {
    let dir = native::scratch("room_arguments");
    let program = compile("cc", "tests/c/room_arguments.c", &["-std=c99"], Link::Shared, &dir);
    play(&program, &[]);
    play_under_valgrind(&program, &[], false);
}

#[test]
fn the_static_library_links_and_works_too() {
    let dir = native::scratch("static");
    let program = compile("cc", "tests/c/arguments.c", &["-std=c99"], Link::Static, &dir);
    play(&program, &[]);
}

#[test]
fn events_reach_the_game() {
    let dir = native::scratch("events");
    let program = compile("cc", "tests/c/events.c", &["-std=gnu99"], Link::Shared, &dir);
    play(&program, &[dead_token()]);
    play_under_valgrind(&program, &[dead_token()], false);
}

#[test]
fn a_refused_message_does_not_allocate() {
    let dir = native::scratch("no_allocation");
    let program = compile("cc", "tests/c/no_allocation.c", &["-std=c99"], Link::Shared, &dir);
    play(&program, &[]);
}

#[test]
fn the_cpp_classes_work() {
    let dir = native::scratch("binding");
    let flags = ["-std=c++17", "-fno-exceptions", "-fno-rtti"];
    let program = compile("c++", "tests/cpp/binding.cpp", &flags, Link::Shared, &dir);
    play(&program, &[dead_token()]);
    play_under_valgrind(&program, &[dead_token()], false);
    let diarkis = compile("c++", "tests/cpp/diarkis.cpp", &["-std=c++17"], Link::Shared, &dir);
    play(&diarkis, &[]);
}

#[test]
fn the_library_can_be_unloaded_and_loaded_again() {
    let dir = native::scratch("unload");
    let program = compile("cc", "tests/c/unload.c", &["-std=c99"], Link::Nothing, &dir);
    let library = library_dir().join("libsterna.so");
    play(&program, &[library.to_str().expect("the path is text"), dead_token()]);
}

#[test]
fn the_library_exports_the_functions_of_the_header_and_nothing_else() {
    let header = fs::read_to_string(root().join("include/sterna.h")).expect("the header is committed");
    let declared: BTreeSet<&str> = header
        .split("STERNA_API ")
        .chain(header.split("STERNA_API\n"))
        .skip(1)
        .filter_map(|declaration| declaration.split_once('(')?.0.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("sterna_"))
        .collect();
    let listed =
        run(Command::new("nm").args(["-D", "--defined-only"]).arg(library_dir().join("libsterna.so")));
    let exported: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(exported, declared);
    assert_eq!(declared.len(), 68, "the number of functions has changed: change it here as well");
}

/// A measurement in an unoptimised library on a busy machine proves nothing, so this only holds it to the right
/// order of magnitude; with `STERNA_RELEASE_LIBRARY` set to a folder with the shipped one it wants the promise.
#[test]
fn an_update_with_nothing_to_do_is_cheap() {
    let dir = native::scratch("idle_cost");
    let program = compile("cc", "tests/c/idle_cost.c", &["-std=c99", "-O2"], Link::Shared, &dir);
    let release = std::env::var_os("STERNA_RELEASE_LIBRARY");
    let mut command = Command::new(&program);
    if let Some(release) = &release {
        command.env("LD_PRELOAD", std::path::Path::new(release).join("libsterna.so"));
    }
    let said = run(&mut command);
    println!("{said}");
    let ns: f64 = said.split(' ').next().and_then(|number| number.parse().ok()).expect("it prints a number");
    assert!(ns < if release.is_some() { 30.0 } else { 2000.0 }, "{said}");
}
