//! The committed header is what the generator makes of `src/ffi`. `BLESS=1` rewrites it.

use std::fs;
use std::path::Path;

#[test]
fn the_committed_header_is_up_to_date() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/sterna.h");
    let generated = include_str!(concat!(env!("OUT_DIR"), "/sterna.h"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&committed, generated).expect("include/sterna.h can be written");
    }
    let found = fs::read_to_string(&committed).unwrap_or_default();
    let differs = found.lines().zip(generated.lines()).position(|(a, b)| a != b);
    assert!(
        found == generated,
        "include/sterna.h is not what src/ffi gives, from line {} on: \
         run `BLESS=1 cargo test --features bindgen --test generated_files` and commit it",
        differs.unwrap_or_else(|| found.lines().count().min(generated.lines().count())) + 1,
    );
}

#[test]
fn the_header_names_the_version_of_the_package() {
    let generated = include_str!(concat!(env!("OUT_DIR"), "/sterna.h"));
    let expected = [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR").to_owned()),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR").to_owned()),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH").to_owned()),
        ("STRING", format!("\"{}\"", env!("CARGO_PKG_VERSION"))),
    ];
    for (part, value) in expected {
        let line = format!("#define STERNA_VERSION_{part} {value}");
        assert!(generated.contains(&line), "cbindgen.toml should say: {line}");
    }
    let abi = format!("#define STERNA_ABI_VERSION {}", sterna::ffi::sterna_abi_version());
    assert!(generated.contains(&abi), "cbindgen.toml should say: {abi}");
}
