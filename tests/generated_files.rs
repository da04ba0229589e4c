//! The committed header and the committed declarations for C# and Lua are what the generators make of `src/ffi`.
//! `BLESS=1` rewrites them.

use std::fs;
use std::path::Path;

const HEADER: &str = include_str!(concat!(env!("OUT_DIR"), "/sterna.h"));
const CSHARP: &str = include_str!(concat!(env!("OUT_DIR"), "/NativeMethods.g.cs"));
const LUA: &str = include_str!(concat!(env!("OUT_DIR"), "/sterna_cdef.lua"));

fn assert_committed(path: &str, generated: &str) {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&committed, generated).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let found = fs::read_to_string(&committed).unwrap_or_default();
    let differs = found.lines().zip(generated.lines()).position(|(a, b)| a != b);
    assert!(
        found == generated,
        "{path} is not what src/ffi gives, from line {} on: \
         run `BLESS=1 cargo test --features bindgen --test generated_files` and commit it",
        differs.unwrap_or_else(|| found.lines().count().min(generated.lines().count())) + 1,
    );
}

#[test]
fn the_committed_header_is_up_to_date() {
    assert_committed("include/sterna.h", HEADER);
}

#[test]
fn the_committed_declarations_for_csharp_are_up_to_date() {
    assert_committed("bindings/unity/Runtime/Native/NativeMethods.g.cs", CSHARP);
}

#[test]
fn the_committed_declarations_for_lua_are_up_to_date() {
    assert_committed("bindings/lua/sterna_cdef.lua", LUA);
}

/// The functions that the header declares.
fn functions() -> impl Iterator<Item = &'static str> {
    let declarations = HEADER.lines().filter(|line| !line.trim_start().starts_with(['*', '/']));
    let names = declarations.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next());
    names.filter(|name| name.starts_with("sterna_"))
}

#[test]
fn lua_declares_the_functions_of_the_header_and_nothing_of_the_preprocessor() {
    for name in functions() {
        assert!(LUA.contains(&format!("{name}(")), "Lua does not declare {name}");
    }
    let foreign = LUA.lines().find(|line| line.contains(['#', '"']) || line.contains("STERNA_API"));
    assert_eq!(foreign, None, "LuaJIT cannot read that");
}

#[test]
fn csharp_declares_the_functions_of_the_header() {
    let mut seen = 0;
    // C# polls events instead of callbacks: nothing native calls managed code.
    for name in functions().filter(|name| !name.starts_with("sterna_client_on_")) {
        assert!(CSHARP.contains(&format!("EntryPoint = \"{name}\"")), "C# does not declare {name}");
        seen += 1;
    }
    assert!(seen > 40, "only {seen} functions were found: the header is written in another way now");
}

#[test]
fn the_header_names_the_version_of_the_package() {
    let expected = [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR").to_owned()),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR").to_owned()),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH").to_owned()),
        ("STRING", format!("\"{}\"", env!("CARGO_PKG_VERSION"))),
    ];
    for (part, value) in expected {
        let line = format!("#define STERNA_VERSION_{part} {value}");
        assert!(HEADER.contains(&line), "cbindgen.toml should say: {line}");
    }
    let abi = format!("#define STERNA_ABI_VERSION {}", sterna::ffi::sterna_abi_version());
    assert!(HEADER.contains(&abi), "cbindgen.toml should say: {abi}");
}
