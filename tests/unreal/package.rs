//! The plugin as a package: what its build rules name is what the release puts into it, for every platform.

use super::native::{self, has, root, run};
use super::read;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = "Source/ThirdParty/SternaLibrary";

/// Where the libraries of a release come from.
const BINARIES: &[&str] = &[
    "linux-x86_64/libsterna.so",
    "linux-arm64/libsterna.so",
    "windows-x86_64/sterna.dll",
    "windows-x86_64/sterna.dll.lib",
    "macos-universal/libsterna.dylib",
    "ios-arm64/libsterna.a",
    "android-arm64/libsterna.so",
    "android-x86_64/libsterna.so",
];

fn can_use(tools: &[&str], needed: &str) -> bool {
    let found = tools.iter().all(|tool| has(tool));
    assert!(found || std::env::var_os(needed).is_none(), "one of {tools:?} is not installed");
    if !found {
        println!("one of {tools:?} is not installed: this was not tried");
    }
    found
}

/// The plugin as a release has it, with stand-ins for the libraries.
fn assembled(dir: &Path) -> PathBuf {
    for binary in BINARIES {
        let path = dir.join("binaries").join(binary);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be written");
        fs::write(path, binary).expect("it can be written");
    }
    run(Command::new(root().join("scripts/assemble-packages.sh"))
        .arg(dir.join("binaries"))
        .arg(dir.join("packages")));
    let package = format!("packages/Sterna-{}-unreal.zip", env!("CARGO_PKG_VERSION"));
    run(Command::new("cmake").args(["-E", "tar", "xf"]).arg(dir.join(package)).current_dir(dir));
    dir.join("Sterna")
}

/// The program that makes the rules of both modules.
fn build_tool(dir: &Path) -> PathBuf {
    let program = dir.join("rules.exe");
    let source = root().join("bindings/unreal/Sterna/Source");
    let mut command = Command::new("mcs");
    command.args(["-warn:4", "-warnaserror+"]).arg(format!("-out:{}", program.display()));
    command.arg(root().join("tests/unreal/BuildTool.cs")).arg(source.join("Sterna/Sterna.Build.cs"));
    run(command.arg(source.join("ThirdParty/SternaLibrary/SternaLibrary.Build.cs")));
    program
}

/// All files below a folder, by their paths in it.
fn below(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        let name = format!("{prefix}{}", path.file_name().expect("it has a name").to_string_lossy());
        if path.is_dir() {
            below(&path, &format!("{name}/"), found);
        } else {
            found.insert(name);
        }
    }
}

#[test]
fn the_build_rules_name_for_each_platform_what_the_release_puts_in() {
    if !can_use(&["mono", "mcs"], "STERNA_NEED_MONO") || !can_use(&["cmake"], "STERNA_NEED_CMAKE") {
        return;
    }
    let dir = native::scratch("unreal_package");
    let plugin = assembled(&dir);
    let tool = build_tool(&dir);
    let said = run(Command::new("mono").arg(&tool).arg(&plugin));
    println!("{said}");
    let about = |what: &str| -> BTreeSet<String> {
        let rows = said.lines().filter_map(|line| line.split_once(' '));
        let rows =
            rows.filter_map(|(platform, rest)| Some((platform, rest.strip_prefix(what)?.strip_prefix(' ')?)));
        rows.map(|(platform, value)| format!("{platform}: {value}")).collect()
    };
    let soversion =
        concat!("libsterna.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    let linux = [format!("Linux: Linux/{soversion}"), format!("LinuxArm64: LinuxArm64/{soversion}")];
    let set = |rows: &[&str]| -> BTreeSet<String> { rows.iter().map(|row| (*row).to_owned()).collect() };
    let mut expected = set(&[
        "Win64: Win64/sterna.dll.lib",
        "Android: Android/arm64-v8a/libsterna.so",
        "Android: Android/x86_64/libsterna.so",
        "IOS: IOS/libsterna.a",
    ]);
    expected.extend(linux.clone());
    assert_eq!(about("link"), expected);
    let mut expected = set(&["Win64: Win64/sterna.dll", "Mac: Mac/libsterna.dylib"]);
    expected.extend(linux);
    assert_eq!(about("runtime"), expected);
    assert_eq!(about("delay"), set(&["Win64: sterna.dll", "Mac: Mac/libsterna.dylib"]));
    assert_eq!(about("receipt"), set(&["Android: AndroidPlugin SternaLibrary_UPL.xml"]));
    assert_eq!(about("refused"), set(&["TVOS: Sterna has no library for TVOS."]));
    assert_eq!(about("type").len() + 1, 7, "{said}");
    assert!(about("type").iter().all(|row| row.ends_with(": External")));
    assert!(about("depends").contains("Linux: SternaLibrary"), "{said}");

    // Nothing lies there that no platform names, but for headers and the rules themselves.
    let mut files = BTreeSet::new();
    below(&plugin.join(LIBRARY), "", &mut files);
    let named: BTreeSet<String> = ["link", "runtime", "receipt"]
        .iter()
        .flat_map(|what| about(what))
        .filter_map(|row| row.rsplit([' ']).next().map(str::to_owned))
        .collect();
    assert!(named.is_subset(&files), "{named:?} of {files:?}");
    for file in files.difference(&named) {
        assert!(file.starts_with("include/") || file == "SternaLibrary.Build.cs", "nobody uses {file}");
    }
    assert!(files.contains("include/sterna.h") && files.contains("include/sterna/sterna.hpp"));
    assert!(plugin.join("LICENSE-MIT").exists() && plugin.join("Sterna.uplugin").exists());

    // One that is missing is named.
    fs::remove_file(plugin.join(LIBRARY).join("IOS/libsterna.a")).expect("it was there");
    let said = run(Command::new("mono").arg(&tool).arg(&plugin));
    let refusal = said.lines().find(|line| line.starts_with("IOS refused ")).unwrap_or_default();
    assert!(refusal.contains("IOS/libsterna.a is missing"), "{said}");
}

#[test]
fn the_plugins_descriptor_fits_its_modules_and_platforms() {
    let descriptor = read("bindings/unreal/Sterna/Sterna.uplugin");
    let descriptor: serde_json::Value = serde_json::from_str(&descriptor).expect("it is JSON");
    assert_eq!(descriptor["VersionName"], env!("CARGO_PKG_VERSION"));
    let platforms = serde_json::json!(["Win64", "Linux", "LinuxArm64", "Mac", "Android", "IOS"]);
    assert_eq!(descriptor["SupportedTargetPlatforms"], platforms);
    let modules = descriptor["Modules"].as_array().expect("it has modules");
    assert_eq!(modules.len(), 1, "{modules:?}");
    let name = modules[0]["Name"].as_str().expect("a module has a name");
    assert_eq!(modules[0]["PlatformAllowList"], platforms);
    assert!(
        read(&format!("bindings/unreal/Sterna/Source/{name}/{name}.Build.cs"))
            .contains("class Sterna : ModuleRules")
    );
    assert!(
        read("bindings/unreal/Sterna/Source/Sterna/Private/SternaModule.cpp")
            .contains("IMPLEMENT_MODULE(FSternaModule, Sterna)")
    );
    // Where the module looks is where the rules say that it lies.
    let module = read("bindings/unreal/Sterna/Source/Sterna/Private/SternaModule.cpp");
    for path in ["Win64/sterna.dll", "Mac/libsterna.dylib"] {
        assert!(module.contains(&format!("TEXT(\"{LIBRARY}/{path}\")")), "{path}");
    }
}

#[test]
fn the_engine_modules_that_are_included_are_depended_on() {
    let rules = read("bindings/unreal/Sterna/Source/Sterna/Sterna.Build.cs");
    for (header, module) in [
        ("HttpModule.h", "HTTP"),
        ("IPluginManager.h", "Projects"),
        ("DeveloperSettings.h", "DeveloperSettings"),
    ] {
        let used = super::module_sources().into_iter().chain(super::files("Public", "h")).any(|path| {
            let text = fs::read_to_string(path).expect("it was listed");
            text.lines().any(|line| line.starts_with("#include") && line.contains(header))
        });
        assert!(used && rules.contains(&format!("\"{module}\"")), "{header}, {module}");
    }
}
