//! The programs in README.md compile as they stand there, and do what it says.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::{Link, compile, dead_token, library_dir, root, scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one block of this language in the README.
fn block(language: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let fence = format!("```{language}\n");
    let mut blocks = readme.split(fence.as_str()).skip(1);
    let code = blocks.next().and_then(|rest| rest.split("```").next());
    let code = code.unwrap_or_else(|| panic!("README.md has no {language} program"));
    assert!(blocks.next().is_none(), "README.md has two {language} programs: which one is to be tried?");
    code.to_owned()
}

fn compiled(language: &str, compiler: &str, standard: &str, dir: &Path) -> PathBuf {
    let source = dir.join(format!("game.{language}"));
    fs::write(&source, block(language)).expect("the scratch folder can be written");
    let source = source.to_str().expect("the path is text");
    compile(compiler, source, &[&format!("-std={standard}")], Link::Shared, dir)
}

fn programs(name: &str) -> [PathBuf; 2] {
    let dir = scratch(name);
    [compiled("cpp", "c++", "c++17", &dir), compiled("c", "cc", "c99", &dir)]
}

fn said(program: &Path, token: Option<&str>) -> String {
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", library_dir()); // cargo's own may hold an older build of the library
    command.env_remove("STERNA_TOKEN").envs(token.map(|token| ("STERNA_TOKEN", token)));
    let output = command.output().expect("it was compiled just now");
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn the_programs_say_why_they_cannot_play() {
    let [cpp, c] = programs("readme");
    for program in [&cpp, &c] {
        let without = said(program, None);
        assert!(without.contains("NULL"), "{}: {without}", program.display());
        let unreachable = said(program, Some(dead_token()));
        assert!(unreachable.contains("can be reached"), "{}: {unreachable}", program.display());
    }
}

#[cfg(feature = "e2e")]
#[test]
fn the_programs_are_moved() {
    let server = native::server::Server::start(&["--scale-in-every", "2s"]);
    for program in programs("readme_e2e") {
        let said = said(&program, Some(&server.token));
        let lines: Vec<_> = said.lines().collect();
        let [connected, echo, moved] = lines[..] else { panic!("{}: {said}", program.display()) };
        assert!(connected.starts_with("connected to node-"), "{said}");
        assert_eq!(echo, "the server says: hello");
        assert!(moved.starts_with("moved to node-") && connected[13..] != moved[9..], "{said}");
    }
}
