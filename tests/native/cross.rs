//! Libraries for other platforms, and games that are compiled against them.

use super::{WARNINGS, library_dir, root, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with the library for this platform, as `scripts/cross-libraries.sh` leaves it, if all of `tools` are
/// there as well. Where every tool must be there (`STERNA_NEED_CROSS`), whatever is missing is an error that names it.
pub(crate) fn library_for(platform: &str, tools: &[&str]) -> Option<PathBuf> {
    let target = library_dir().ancestors().nth(2).expect("cargo's folder is two above").to_owned();
    let library = target.join("cross").join(platform);
    let mut missing: Vec<_> =
        tools.iter().filter(|tool| !super::has(tool)).map(ToString::to_string).collect();
    if !library.exists() {
        missing.push(format!("{} (made by scripts/cross-libraries.sh)", library.display()));
    }
    if missing.is_empty() {
        return Some(library);
    }
    assert!(std::env::var_os("STERNA_NEED_CROSS").is_none(), "missing: {}", missing.join(", "));
    println!("not tried: missing: {}", missing.join(", "));
    None
}

/// Compiles an example for another platform. `flags` come last, and so say what to link.
pub(crate) fn compile(compiler: &str, source: &str, flags: &[&str], program: &Path) {
    run(Command::new(compiler)
        .args(WARNINGS)
        .arg("-I")
        .arg(root().join("include"))
        .arg("-I")
        .arg(root().join("bindings/cpp/include"))
        .arg(root().join(source))
        .arg("-o")
        .arg(program)
        .args(flags));
}
