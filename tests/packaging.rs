//! The library can be installed and found by other projects: by CMake, by pkg-config, and as a part of their tree.
//!
//! With the library that was built with this test, which has no version in its name. With `STERNA_RELEASE_LIBRARY` set to
//! a folder with the shipped one, with that, which has; `scripts/shipped-library.sh` does so.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::{has, library_dir, root, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Before 1.0 a minor version may change the binary interface.
const SONAME: &str =
    concat!("libsterna.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

fn shipped() -> Option<PathBuf> {
    std::env::var_os("STERNA_RELEASE_LIBRARY").map(PathBuf::from)
}

/// Whether the tool is there. Where every tool must be, it is an error if it is not.
fn can_use(tool: &str) -> bool {
    if !has(tool) {
        assert!(std::env::var_os("STERNA_NEED_CMAKE").is_none(), "{tool} is not installed");
        println!("{tool} is not installed: what needs it was not tried");
        return false;
    }
    true
}

fn configure_and_build(source: &Path, build: &Path, definitions: &[String]) {
    run(Command::new("cmake").arg("-S").arg(source).arg("-B").arg(build).args(definitions));
    run(Command::new("cmake").arg("--build").arg(build));
}

/// The library as CMake is told of it.
fn prebuilt() -> String {
    format!("-DSTERNA_LIBRARY_DIR={}", shipped().unwrap_or_else(library_dir).display())
}

/// The example links, starts and plays; or says how it wants to be used, where there is no server.
fn works(program: &Path) {
    #[cfg(feature = "e2e")]
    {
        let server = native::server::Server::start(&[]);
        // Not with `run`: that says where the library lies, and finding it is what this is about.
        let mut command = Command::new(program);
        let output = command.args(["--seconds", "1", &server.token]).env_remove("LD_LIBRARY_PATH").output();
        let output = output.expect("it was built just now");
        assert!(output.status.success(), "{}: {output:?}", program.display());
    }
    let output = Command::new(program).env_remove("STERNA_TOKEN").env_remove("LD_LIBRARY_PATH").output();
    let output = output.expect("it was built just now");
    assert_eq!(output.status.code(), Some(2), "{}: {output:?}", program.display());
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage: game"), "{output:?}");
}

/// What the dynamic section of a program or library says under this tag.
fn dynamic(file: &Path, tag: &str) -> Vec<String> {
    let said = run(Command::new("readelf").arg("--dynamic").arg(file));
    let lines = said.lines().filter(|line| line.contains(&format!("({tag})")));
    lines.filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned())).collect()
}

/// A program asks for the version that it was linked with, if there is one.
fn asks_for_the_right_library(program: &Path) {
    let wanted = if shipped().is_some() { SONAME } else { "libsterna.so" };
    let needed = dynamic(program, "NEEDED");
    assert!(needed.iter().any(|name| name == wanted), "{} needs {needed:?}", program.display());
}

/// Installs the package below `dir`, and tells where.
fn install(dir: &Path) -> PathBuf {
    let (package, prefix) = (dir.join("package"), dir.join("prefix"));
    let install_to = format!("-DCMAKE_INSTALL_PREFIX={}", prefix.display());
    let libdir = "-DCMAKE_INSTALL_LIBDIR=lib".to_owned();
    configure_and_build(&root().join("bindings/cpp"), &package, &[prebuilt(), install_to, libdir]);
    run(Command::new("cmake").arg("--install").arg(&package));
    prefix
}

#[test]
fn an_installed_package_is_found_by_cmake() {
    if !can_use("cmake") {
        return;
    }
    let dir = native::scratch("find_package");
    let prefix = install(&dir);
    // Whoever has moved it since must not matter.
    let moved = dir.join("moved");
    fs::rename(&prefix, &moved).expect("both lie in the same folder");
    let consumer = dir.join("consumer");
    let found_in = format!("-DCMAKE_PREFIX_PATH={}", moved.display());
    configure_and_build(&root().join("examples"), &consumer, &[found_in]);
    assert!(!consumer.join("sterna").exists(), "it used the repository, not the package");
    for program in ["game_c", "game_cpp"] {
        asks_for_the_right_library(&consumer.join(program));
        works(&consumer.join(program));
    }
    let by_itself = consumer.join("game_c_static");
    assert!(dynamic(&by_itself, "NEEDED").iter().all(|name| !name.contains("sterna")));
    works(&by_itself);
}

#[test]
fn an_installed_package_is_found_by_pkg_config() {
    if !can_use("cmake") || !can_use("pkg-config") {
        return;
    }
    let dir = native::scratch("pkg_config");
    let prefix = install(&dir);
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("pkg-config");
        run(command.args(arguments).arg("sterna").env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")))
    };
    assert_eq!(ask(&["--modversion"]).trim(), env!("CARGO_PKG_VERSION"));
    let build = |name: &str, flags: &str| {
        let program = dir.join(name);
        run(Command::new("cc")
            .arg(root().join("examples/c/game.c"))
            .arg("-o")
            .arg(&program)
            .args(flags.split_whitespace())
            .arg(format!("-Wl,-rpath,{}", prefix.join("lib").display())));
        program
    };
    let program = build("shared", &ask(&["--cflags", "--libs"]));
    asks_for_the_right_library(&program);
    works(&program);
    // Where there is only the static library, the package says what else to link.
    for name in
        ["libsterna.so".to_owned(), SONAME.to_owned(), format!("libsterna.so.{}", env!("CARGO_PKG_VERSION"))]
    {
        let _ = fs::remove_file(prefix.join("lib").join(name));
    }
    let program = build("static", &ask(&["--static", "--cflags", "--libs"]));
    assert!(dynamic(&program, "NEEDED").iter().all(|name| !name.contains("sterna")));
    works(&program);
}

#[test]
fn another_project_can_have_it_in_its_tree() {
    if !can_use("cmake") {
        return;
    }
    let dir = native::scratch("in_tree");
    let in_tree = dir.join("add_subdirectory");
    configure_and_build(&root().join("examples"), &in_tree, &[prebuilt()]);
    asks_for_the_right_library(&in_tree.join("game_c"));
    works(&in_tree.join("game_c"));

    let fetched = dir.join("fetch_content");
    let mut definitions = vec![format!("-DFETCHCONTENT_SOURCE_DIR_STERNA={}", root().display())];
    // The shipped one was built by cargo just now: to have CMake call cargo for it again costs little.
    if shipped().is_none() {
        definitions.push(prebuilt());
    }
    configure_and_build(&root().join("tests/packages/fetch_content"), &fetched, &definitions);
    asks_for_the_right_library(&fetched.join("game"));
    works(&fetched.join("game"));
}

#[test]
fn a_package_of_the_shipped_library_has_its_version_in_its_names() {
    let Some(shipped) = shipped().filter(|_| can_use("cmake")) else {
        println!(
            "the library of this test has no version: scripts/shipped-library.sh tries the one that has"
        );
        return;
    };
    assert_eq!(dynamic(&shipped.join("libsterna.so"), "SONAME"), [SONAME]);
    let lib = install(&native::scratch("versioned")).join("lib");
    let links_to = |name: &str| fs::read_link(lib.join(name)).expect("it is a link").display().to_string();
    let file = format!("libsterna.so.{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(links_to("libsterna.so"), SONAME);
    assert_eq!(links_to(SONAME), file);
    assert!(fs::symlink_metadata(lib.join(file)).expect("it is there").is_file());
    for name in
        ["libsterna.a", "pkgconfig/sterna.pc", "cmake/sterna/sternaConfig.cmake", "../include/sterna.h"]
    {
        assert!(lib.join(name).exists(), "the package lacks {name}");
    }
}
