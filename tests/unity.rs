//! The Unity package: compiled with Mono, with stubs in the place of the engine, and played by Mono against a real server
//! that scales in. What only a real editor can show is not shown here; docs/UNITY.md says what that is.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::server::Server;
use native::{has, root, run};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PACKAGE: &str = "bindings/unity";

/// Whether there is Mono. Where releases are made it must be there.
fn has_mono() -> bool {
    let found = has("mono") && has("mcs");
    if !found {
        assert!(std::env::var_os("STERNA_NEED_MONO").is_none(), "mono-mcs or mono-runtime is not installed");
        println!("Mono is not installed (Debian: apt install mono-mcs mono-runtime): this was not tried");
    }
    found
}

/// The C# files of these folders, those of folders in them not.
fn sources(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let paths = entries.map(|entry| entry.expect("it can be listed").path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "cs")));
    }
    found.sort();
    assert!(!found.is_empty(), "no C# in {folders:?}");
    found
}

/// Compiles with the oldest C# that Unity 2021.3 and Mono have in common, without a warning.
fn compile(dir: &Path, output: &str, sources: &[PathBuf], references: &[&str], flags: &[&str]) {
    let kind = if output.ends_with(".exe") { "exe" } else { "library" };
    let mut command = Command::new("mcs");
    command.args(["-langversion:7.2", "-unsafe", "-warn:4", "-warnaserror+", "-debug"]).args(flags);
    command.arg(format!("-target:{kind}")).arg(format!("-out:{}", dir.join(output).display()));
    command.args(references.iter().map(|name| format!("-r:{}", dir.join(name).display())));
    run(command.args(sources));
}

/// The package, its tests and the scenes, as programs for Mono.
fn scenes() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = native::scratch("unity");
        let stub = |name: &str| root().join("tests/csharp/stubs").join(name);
        // Fields and events of stubs are for others to use.
        let unused = ["-nowarn:0649,0067"];
        compile(&dir, "UnityEngine.dll", &[stub("UnityEngine.cs"), stub("UnityEditor.cs")], &[], &unused);
        compile(&dir, "nunit.framework.dll", &[stub("NUnit.cs")], &[], &unused);
        let mut runtime = core();
        runtime.extend(sources(&["bindings/unity/Runtime/Unity"]));
        // Unity fills serialised fields, which no compiler sees.
        let serialised = ["-nowarn:0649"];
        let mut known = vec!["UnityEngine.dll"];
        compile(&dir, "Sterna.dll", &runtime, &known, &serialised);
        known.push("Sterna.dll");
        compile(
            &dir,
            "Sterna.Samples.dll",
            &sources(&["bindings/unity/Samples~/ScaleIn"]),
            &known,
            &serialised,
        );
        compile(&dir, "Sterna.Editor.dll", &sources(&["bindings/unity/Editor"]), &known, &[]);
        known.extend(["Sterna.Editor.dll", "nunit.framework.dll"]);
        compile(&dir, "Sterna.Tests.dll", &sources(&["bindings/unity/Tests/Editor"]), &known, &[]);
        known.extend(["Sterna.Samples.dll", "Sterna.Tests.dll"]);
        compile(&dir, "scenes.exe", &sources(&["tests/csharp"]), &known, &[]);
        dir
    })
}

/// What needs no engine.
fn core() -> Vec<PathBuf> {
    sources(&["bindings/unity/Runtime", "bindings/unity/Runtime/Native", "bindings/unity/Runtime/Core"])
}

fn play(scene: &str, server: Option<&Server>) -> String {
    let program = scenes().join("scenes.exe");
    let said = run(Command::new("mono")
        .arg("--debug")
        .arg(program)
        .arg(scene)
        .args(server.map(|server| &server.admin)));
    println!("{scene}:\n{said}");
    said
}

/// Plays a scene against three nodes, if there is Mono.
fn play_on_a_server(scene: &str) {
    if has_mono() {
        play(scene, Some(&Server::start(&[])));
    }
}

#[test]
fn the_client_compiles_without_an_engine() {
    if has_mono() {
        let dir = native::scratch("unity_core");
        compile(&dir, "Sterna.Core.dll", &core(), &[], &[]);
    }
}

#[test]
fn the_tests_that_come_with_the_package_pass() {
    if has_mono() {
        play("package-tests", None);
    }
}

#[test]
fn ten_thousand_messages_survive_the_garbage_collector_and_a_scale_in_and_leave_no_garbage() {
    play_on_a_server("messages");
}

#[test]
fn what_is_awaited_goes_on_inside_update() {
    play_on_a_server("tasks");
}

#[test]
fn a_room_moves_with_its_players() {
    play_on_a_server("rooms");
}

#[test]
fn five_reloads_of_the_domain_with_a_live_client_are_survived() {
    play_on_a_server("reloads");
}

#[test]
fn the_behaviour_and_its_inspector_connect_and_simulate_a_scale_in() {
    play_on_a_server("behaviour");
}

#[test]
fn the_sample_plays_on_at_another_node() {
    play_on_a_server("sample");
}

#[test]
fn what_the_documents_show_compiles() {
    if !has_mono() {
        return;
    }
    let document = fs::read_to_string(root().join("docs/UNITY.md")).expect("it is there");
    let dir = scenes();
    let mut shown = Vec::new();
    for (number, block) in document.split("```csharp\n").skip(1).enumerate() {
        let path = dir.join(format!("Shown{number}.cs"));
        fs::write(&path, block.split("```").next().unwrap_or_default()).expect("the folder can be written");
        shown.push(path);
    }
    assert!(shown.len() >= 3, "only {} examples were found", shown.len());
    compile(dir, "Shown.dll", &shown, &["UnityEngine.dll", "Sterna.dll"], &["-nowarn:0649"]);
}

/// All that Unity would import from a package, files and folders, by their path in it.
fn assets(package: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Unity passes over these.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        found.push(path.strip_prefix(package).expect("it lies below").to_string_lossy().into_owned());
        if path.is_dir() {
            assets(package, &path, found);
        }
    }
}

/// Without a committed `.meta` Unity makes one at each user's, with another guid at each.
fn assert_every_asset_has_its_meta(package: &Path) {
    let mut found = Vec::new();
    assets(package, package, &mut found);
    let mut guids = BTreeMap::new();
    for asset in &found {
        if let Some(of) = asset.strip_suffix(".meta") {
            assert!(found.iter().any(|other| other == of), "{asset} is of nothing");
            let text = fs::read_to_string(package.join(asset)).expect("it was listed");
            let guid = text.lines().find_map(|line| line.strip_prefix("guid: ")).unwrap_or_default();
            let is_guid =
                guid.len() == 32 && guid.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
            assert!(is_guid, "{asset}: `{guid}` is no guid");
            let other = guids.insert(guid.to_owned(), asset);
            assert!(other.is_none(), "{asset} and {other:?} have the same guid");
        } else {
            let meta = format!("{asset}.meta");
            assert!(found.contains(&meta), "{asset} has no .meta: run scripts/unity-meta.sh");
        }
    }
    assert!(guids.len() > 25, "only {} assets were found", guids.len());
}

#[test]
fn every_file_of_the_package_has_its_meta() {
    assert_every_asset_has_its_meta(&root().join(PACKAGE));
}

#[test]
fn the_package_has_the_version_of_the_library() {
    let manifest = fs::read_to_string(root().join(PACKAGE).join("package.json")).expect("it is there");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("it is JSON");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["name"], "com.sterna.client");
    for sample in manifest["samples"].as_array().expect("there are samples") {
        let path = sample["path"].as_str().expect("a sample has a path");
        assert!(root().join(PACKAGE).join(path).is_dir(), "there is no sample {path}");
    }
}

#[test]
fn the_package_is_packed_with_the_library() {
    let package = native::scratch("unity_packed").join("com.sterna.client");
    let library = native::library_dir().join("libsterna.so");
    run(Command::new(root().join("scripts/unity-package.sh")).arg(&package).args([
        format!("linux-x86_64={}", library.display()),
        format!("android-arm64={}", library.display()),
    ]));
    assert_every_asset_has_its_meta(&package);
    let plugins = package.join("Runtime/Plugins");
    assert_eq!(
        fs::read(plugins.join("linux-x86_64/libsterna.so")).expect("it is there"),
        fs::read(library).expect("it was built")
    );
    let meta = fs::read_to_string(plugins.join("android-arm64/libsterna.so.meta")).expect("it is there");
    assert!(meta.contains("PluginImporter:") && meta.contains("CPU: ARM64"), "{meta}");
    assert!(package.join("Samples~/ScaleIn/ScaleInPlayer.cs").exists());
    assert!(package.join("LICENSE-MIT").exists());
}

#[test]
fn the_csharp_layout_is_checked_field_by_field_like_the_c_one() {
    let in_c = fs::read_to_string(root().join("tests/c/layout.c")).expect("it is there");
    let in_csharp =
        fs::read_to_string(root().join(PACKAGE).join("Tests/Editor/LayoutTests.cs")).expect("it is there");
    let mut seen = 0;
    for line in in_c.lines().filter_map(|line| line.strip_prefix("FIELD(Sterna")) {
        let (name, rest) = line.split_once(", ").expect("a row has a type");
        let (field, _) = rest.split_once(", ").expect("a row has a field");
        let row = format!("Offset<Native{name}>(\"{field}\", ");
        assert!(in_csharp.contains(&row), "LayoutTests.cs lacks {row}");
        seen += 1;
    }
    assert!(seen > 60, "only {seen} rows were found: they are written in another way now");
}
