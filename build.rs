//! Generates the C header from `src/ffi` into `OUT_DIR`, behind the feature `bindgen`, so that an ordinary
//! build needs neither the generator nor its time. `tests/generated_files.rs` compares it with the committed file.

#[cfg(not(feature = "bindgen"))]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}

#[cfg(feature = "bindgen")]
fn main() {
    use std::path::PathBuf;

    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src/ffi");

    // In the order in which a reader of the header wants them.
    const SOURCES: &[&str] = &[
        "version",
        "result",
        "error",
        "config",
        "client",
        "callbacks",
        "event",
        "dispatch",
        "send",
        "room/value",
        "room/config",
        "room/join",
        "room/say",
        "room/property",
        "room/owner",
        "room/query",
        "room/callbacks",
        "stats",
        "handle",
    ];

    let config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml can be read");
    let header = SOURCES
        .iter()
        .fold(cbindgen::Builder::new().with_config(config), |builder, name| {
            builder.with_src(format!("src/ffi/{name}.rs"))
        })
        .generate()
        .expect("src/ffi has only what a C header can express");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    header.write_to_file(out.join("sterna.h"));
}
