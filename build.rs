//! Generates the C header, and from it or from `src/ffi` the declarations for C# and Lua, into `OUT_DIR`, behind the
//! feature `bindgen`, so that an ordinary build needs neither the generators nor their time.
//! `tests/generated_files.rs` compares them with the committed files.

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
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    bindings::c_header(&out.join("sterna.h"));
    bindings::csharp(&out.join("NativeMethods.g.cs"));
    bindings::lua(&out.join("sterna.h"), &out.join("sterna_cdef.lua"));
}

#[cfg(feature = "bindgen")]
mod bindings {
    use std::path::Path;

    /// In the order in which a reader of the header wants them.
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

    /// C# has a namespace for each enum already: what their constants begin with is left out there.
    const ENUMS: &[(&str, &str)] = &[
        ("SternaResult", "STERNA_ERROR_"), // before the next one, which it begins with
        ("SternaResult", "STERNA_OK"),
        ("SternaState", "STERNA_STATE_"),
        ("SternaEventType", "STERNA_EVENT_"),
        ("SternaOfflineReason", "STERNA_OFFLINE_"),
        ("SternaTransport", "STERNA_TRANSPORT_"),
        ("SternaMoveMode", "STERNA_MOVE_"),
        ("SternaLogLevel", "STERNA_LOG_"),
        ("SternaValueKind", "STERNA_VALUE_"),
        ("SternaComparison", "STERNA_COMPARE_"),
    ];

    fn path(source: &str) -> String {
        format!("src/ffi/{source}.rs")
    }

    pub(super) fn c_header(file: &Path) {
        let config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml can be read");
        SOURCES
            .iter()
            .fold(cbindgen::Builder::new().with_config(config), |builder, name| builder.with_src(path(name)))
            .generate()
            .expect("src/ffi has only what a C header can express")
            .write_to_file(file);
    }

    /// The header as LuaJIT reads it, which knows C but no preprocessor.
    pub(super) fn lua(header: &Path, file: &Path) {
        let header = std::fs::read_to_string(header).expect("it was written just now");
        let mut text = "-- The declarations of include/sterna.h, for sterna.lua. Generated from src/ffi; change that instead.\n\
                        return [[\n"
            .to_owned();
        let mut only_in_cpp = false;
        for line in without_comments(&header).lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some("ifdef __cplusplus") => only_in_cpp = true,
                Some(directive) if directive.starts_with("endif") => only_in_cpp = false,
                Some(directive) => {
                    if let Some(number) = directive.strip_prefix("define STERNA_ABI_VERSION ") {
                        text.push_str(&format!("static const uint32_t STERNA_ABI_VERSION = {number};\n"));
                    }
                }
                None if only_in_cpp || line == "STERNA_API" => {}
                None => {
                    text.push_str(line.strip_prefix("STERNA_API ").unwrap_or(line));
                    text.push('\n');
                }
            }
        }
        text.push_str("]]\n");
        std::fs::write(file, text).expect("OUT_DIR can be written");
    }

    fn without_comments(header: &str) -> String {
        let mut parts = header.split("/*");
        let mut text = parts.next().unwrap_or_default().to_owned();
        text.extend(parts.map(|part| part.split_once("*/").expect("every comment ends").1));
        text
    }

    pub(super) fn csharp(file: &Path) {
        SOURCES
            .iter()
            .fold(csbindgen::Builder::default(), |builder, name| builder.input_extern_file(path(name)))
            .csharp_namespace("Sterna")
            .csharp_class_name("NativeMethods")
            .csharp_dll_name("sterna")
            // Apps of iOS are linked with the library; the editor on a Mac loads it like any other.
            .csharp_dll_name_if("UNITY_IOS && !UNITY_EDITOR", "__Internal")
            // Unity and Mono of all versions know neither function pointers nor nuint.
            .csharp_use_function_pointer(false)
            .csharp_use_nint_types(false)
            .csharp_generate_const_filter(|name| name == "ABI_VERSION")
            // SternaClient is the name of the class that games use, and so are other names of structs.
            .csharp_type_rename(|name| match name.strip_prefix("Sterna") {
                Some(rest) if !ENUMS.iter().any(|(found, _)| *found == name) => format!("Native{rest}"),
                _ => name,
            })
            // Callbacks are not used from C#: events are polled, so that nothing native calls managed code.
            .method_filter(|name| !name.starts_with('_') && !name.starts_with("sterna_client_on_"))
            .always_included_types(ENUMS.iter().map(|(name, _)| name))
            .generate_csharp_file(file)
            .expect("src/ffi has only what C# can express");
        let generated = std::fs::read_to_string(file).expect("it was written just now");
        std::fs::write(file, in_csharps_manner(&generated)).expect("OUT_DIR can be written");
    }

    /// Makes the enums public, with names as C# writes them, `SternaResult.RoomFull` instead of
    /// `STERNA_ERROR_ROOM_FULL`, also where comments speak of them.
    fn in_csharps_manner(generated: &str) -> String {
        let mut text = String::new();
        for line in generated.lines() {
            let line = line.trim_end().replace("internal enum ", "public enum ");
            let comment = line.trim_start().starts_with("///");
            text.push_str(&renamed(&line, comment));
            text.push('\n');
        }
        text
    }

    fn renamed(line: &str, with_enum: bool) -> String {
        let mut text = String::new();
        let mut rest = line;
        while let Some(at) = rest.find("STERNA_") {
            let of_a_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let (before, after) = rest.split_at(at);
            let (name, after) = after.split_at(after.find(|c| !of_a_name(c)).unwrap_or(after.len()));
            text.push_str(before);
            match ENUMS.iter().find(|(_, prefix)| name.starts_with(prefix)) {
                Some((found, prefix)) => {
                    if with_enum {
                        text.push_str(&format!("{found}."));
                    }
                    text.push_str(&camel_case(if name == "STERNA_OK" {
                        "OK"
                    } else {
                        &name[prefix.len()..]
                    }));
                }
                None => text.push_str(name),
            }
            rest = after;
        }
        text + rest
    }

    fn camel_case(name: &str) -> String {
        let words = name.split('_').filter(|word| !word.is_empty());
        words.map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect()
    }
}
