//! The library can be installed and found by other projects: by CMake and by pkg-config.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::{has, library_dir, root, run};
use std::path::Path;
use std::process::Command;

fn configure_and_build(source: &Path, build: &Path, definitions: &[String]) {
    run(Command::new("cmake").arg("-S").arg(source).arg("-B").arg(build).args(definitions));
    run(Command::new("cmake").arg("--build").arg(build));
}

/// The examples link, start and say how they want to be used.
fn says_how_to_use_it(program: &Path) {
    let output = Command::new(program).env_remove("STERNA_TOKEN").output().expect("it was built just now");
    assert_eq!(output.status.code(), Some(2), "{}", program.display());
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage: game"), "{output:?}");
}

#[test]
fn an_installed_package_is_found_by_cmake_and_pkg_config() {
    if !has("cmake") {
        assert!(std::env::var_os("STERNA_NEED_CMAKE").is_none(), "cmake is not installed");
        println!("cmake is not installed: the package was not tried");
        return;
    }
    let dir = native::scratch("packaging");
    let prefix = dir.join("prefix");
    let libraries = format!("-DSTERNA_LIBRARY_DIR={}", library_dir().display());

    // As part of another project's tree.
    let in_tree = dir.join("in-tree");
    configure_and_build(&root().join("examples"), &in_tree, std::slice::from_ref(&libraries));
    says_how_to_use_it(&in_tree.join("game_c"));
    says_how_to_use_it(&in_tree.join("game_cpp"));

    // Installed, and found there.
    let package = dir.join("package");
    let install_to = format!("-DCMAKE_INSTALL_PREFIX={}", prefix.display());
    let libdir = "-DCMAKE_INSTALL_LIBDIR=lib".to_owned();
    configure_and_build(&root().join("bindings/cpp"), &package, &[libraries, install_to, libdir]);
    run(Command::new("cmake").arg("--install").arg(&package));
    let consumer = dir.join("consumer");
    let found_in = format!("-DCMAKE_PREFIX_PATH={}", prefix.display());
    configure_and_build(&root().join("examples"), &consumer, &[found_in]);
    assert!(!consumer.join("sterna").exists(), "it used the repository, not the package");
    says_how_to_use_it(&consumer.join("game_c"));
    says_how_to_use_it(&consumer.join("game_cpp"));

    if has("pkg-config") {
        let flags = run(Command::new("pkg-config")
            .args(["--cflags", "--libs", "sterna"])
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")));
        let program = dir.join("by-pkg-config");
        run(Command::new("cc")
            .arg(root().join("examples/c/game.c"))
            .arg("-o")
            .arg(&program)
            .args(flags.split_whitespace())
            .arg(format!("-Wl,-rpath,{}", prefix.join("lib").display())));
        says_how_to_use_it(&program);
    }
}
