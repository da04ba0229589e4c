//! The programs in README.md, and in the pages about C++, compile as they stand there, and do what it says.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::{Link, compile, dead_token, library_dir, root, scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one block of this language in the page.
fn block(page: &str, language: &str) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let fence = format!("```{language}\n");
    let mut blocks = text.split(fence.as_str()).skip(1);
    let code = blocks.next().and_then(|rest| rest.split("```").next());
    let code = code.unwrap_or_else(|| panic!("{page} has no {language} program"));
    assert!(blocks.next().is_none(), "{page} has two {language} programs: which one is to be tried?");
    code.to_owned()
}

fn compiled(language: &str, compiler: &str, standard: &str, dir: &Path) -> PathBuf {
    compiled_of("README.md", language, compiler, standard, dir)
}

fn compiled_of(page: &str, language: &str, compiler: &str, standard: &str, dir: &Path) -> PathBuf {
    let source = dir.join(format!("game.{language}"));
    fs::write(&source, block(page, language)).expect("the scratch folder can be written");
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

#[test]
fn the_programs_of_the_pages_about_cpp_compile_and_run() {
    for page in ["docs/CPP.md", "docs/DIARKIS.md"] {
        let dir = scratch(&format!("readme_{}", page.replace(['/', '.'], "_")));
        let program = compiled_of(page, "cpp", "c++", "c++17", &dir);
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", library_dir());
        let output = command.arg(dead_token()).output().expect("it was compiled just now");
        assert_eq!(output.status.code(), Some(0), "{page}: {output:?}");
        let says = String::from_utf8_lossy(&output.stdout).contains("can be reached");
        assert!(says || page == "docs/DIARKIS.md", "{page}: {output:?}");
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
