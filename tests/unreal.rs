//! The plugin for Unreal: its logic played against real clusters that are scaled in, and its engine layer compiled and played
//! with stubs in the place of the engine. What only a real editor can show is not shown here; docs/UNREAL.md says what that is.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

#[path = "unreal/names.rs"]
mod names;
mod native;
#[path = "unreal/package.rs"]
mod package;
#[path = "unreal/uht.rs"]
mod uht;

use native::server::Server;
use native::{has, library_dir, root, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const MODULE: &str = "bindings/unreal/Sterna/Source/Sterna";

/// What Unreal compiles with, and what its users are known to switch on.
const FLAGS: &[&str] = &["-fno-exceptions", "-fno-rtti", "-fPIC", "-pthread"];

/// Compilers and standards; Unreal 5.3 takes C++20 by default, older targets C++17, and clang on all systems but one.
fn dialects() -> Vec<(&'static str, &'static str)> {
    let mut dialects = vec![("g++", "-std=c++17"), ("g++", "-std=c++20")];
    if has("clang++") {
        dialects.push(("clang++", "-std=c++20"));
    }
    dialects
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder of the module with this ending, those of folders in it not.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = root().join(MODULE).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    found.sort();
    assert!(!found.is_empty(), "no .{extension} in {}", folder.display());
    found
}

/// Compiles each source to an object of its own, as Unreal does without unity builds.
fn objects(dialect: (&str, &str), flags: &[String], sources: &[PathBuf], dir: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(dir).expect("the target folder can be written");
    let object = |source: &PathBuf| dir.join(source.file_name().expect("it has a name")).with_extension("o");
    native::in_parallel(sources, |source| {
        let mut command = Command::new(dialect.0);
        command.args([dialect.1, "-g", "-gdwarf-4"]).args(native::WARNINGS).args(FLAGS).args(flags);
        run(command.arg("-c").arg(source).arg("-o").arg(object(source)));
    });
    sources.iter().map(object).collect()
}

fn link(objects: &[PathBuf], program: &Path) {
    let library = library_dir();
    let mut command = Command::new("g++");
    command.args(objects).arg("-o").arg(program).arg("-pthread");
    command.arg("-L").arg(&library).arg("-lsterna").arg(format!("-Wl,-rpath,{}", library.display()));
    run(&mut command);
}

fn include(path: PathBuf) -> String {
    format!("-I{}", path.display())
}

/// The part without the engine, and its scenes. The C header is a system header there, as `PublicSystemIncludePaths` makes it.
fn core() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let dir = native::scratch("unreal_core");
        let mut sources = files("Private/Core", "cpp");
        sources.push(root().join("tests/unreal/core.cpp"));
        let flags = [
            include(root().join(MODULE).join("Private/Core")),
            include(root().join("tests/unreal")),
            include(root().join("include")),
        ];
        let mut program = PathBuf::new();
        for (number, dialect) in dialects().into_iter().enumerate() {
            program = dir.join(format!("core{number}"));
            link(&objects(dialect, &flags, &sources, &dir.join(number.to_string())), &program);
        }
        program
    })
}

/// Plays scenes of a program over both transports, each with a cluster of its own.
fn play(program: &Path, scenes: &[&str]) {
    let jobs: Vec<_> = scenes.iter().flat_map(|scene| [(*scene, "tcp"), (*scene, "udp")]).collect();
    native::in_parallel(&jobs, |(scene, transport)| {
        let server = Server::start(&[]);
        println!("{}", native::play(program, &[scene, transport, &server.admin]));
    });
}

#[test]
fn the_part_without_the_engine_knows_no_engine() {
    for path in files("Private/Core", "h").into_iter().chain(files("Private/Core", "cpp")) {
        let text = fs::read_to_string(&path).expect("it was listed");
        for line in text.lines().filter_map(|line| line.strip_prefix("#include ")) {
            let own = line.starts_with("\"Sterna") && path.with_file_name(line.trim_matches('"')).exists();
            assert!(own || line.starts_with('<'), "{}: {line}", path.display());
        }
        for word in ["throw ", "try\n", "dynamic_cast", "typeid", "std::thread", "TEXT(", "UE_LOG"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn what_can_be_known_without_a_server_is_told_at_once() {
    native::play(core(), &["no-server", native::dead_token()]);
}

#[test]
fn a_session_moves_at_once_or_when_the_game_says_so() {
    play(core(), &["at-once", "by-hand"]);
}

#[test]
fn a_room_moves_with_both_players_of_a_process() {
    play(core(), &["rooms"]);
}

#[test]
fn a_session_may_end_inside_its_own_events() {
    play(core(), &["ends-inside", "again"]);
}

#[test]
fn a_session_that_ends_inside_its_own_events_leaves_nothing_behind() {
    let server = Server::start(&[]);
    native::play_under_valgrind(core(), &["ends-inside", "tcp", &server.admin], true);
}

#[test]
fn the_work_of_a_frame_is_bounded() {
    play(core(), &["bounded"]);
}

#[test]
fn on_windows_the_library_is_imported_though_the_module_exports_itself() {
    let compiler = "x86_64-w64-mingw32-g++";
    if !has(compiler) {
        assert!(std::env::var_os("STERNA_NEED_CROSS").is_none(), "{compiler} is not installed");
        println!("{compiler} is not installed: this was not tried");
        return;
    }
    let dir = native::scratch("unreal_mingw");
    // What Unreal's build tool defines for a module that is a DLL; the C header has a macro of that name.
    let flags = [include(root().join("include")), "-DSTERNA_API=__declspec(dllexport)".to_owned()];
    for object in objects((compiler, "-std=c++17"), &flags, &files("Private/Core", "cpp"), &dir) {
        let symbols = run(Command::new("x86_64-w64-mingw32-nm").arg(&object));
        for symbol in symbols.lines().filter_map(|line| line.trim().strip_prefix("U ")) {
            assert!(!symbol.starts_with("sterna_"), "{}: {symbol} is not imported", object.display());
        }
        let session = object.ends_with("SternaSession.o");
        assert!(!session || symbols.contains("U __imp_sterna_client_create"), "{symbols}");
    }
}

/// The headers as Unreal's header tool sees them, and what it writes of them.
fn reflected() -> &'static (PathBuf, uht::Reflected) {
    static REFLECTED: OnceLock<(PathBuf, uht::Reflected)> = OnceLock::new();
    REFLECTED.get_or_init(|| {
        let dir = native::scratch("unreal_generated");
        let reflected = uht::run(&root().join(MODULE).join("Public"), &dir);
        (dir, reflected)
    })
}

/// How Unreal's build tool would compile the module, with stubs in the place of the engine.
fn engine_flags(defines: &[&str]) -> Vec<String> {
    let module = root().join(MODULE);
    let mut flags = vec![
        include(module.join("Public")),
        include(module.join("Private")),
        include(root().join("tests/unreal/stubs")),
        include(root().join("tests/unreal")),
        include(reflected().0.clone()),
        "-isystem".to_owned(),
        root().join("include").display().to_string(),
        // A module that is a library by itself exports its classes by this.
        "-DSTERNA_API=__attribute__((visibility(\"default\")))".to_owned(),
    ];
    flags.extend(defines.iter().map(|define| format!("-D{define}")));
    flags
}

fn module_sources() -> Vec<PathBuf> {
    let mut sources = files("Private", "cpp");
    sources.extend(files("Private/Core", "cpp"));
    sources
}

/// The module with stubs, and a game, as a program.
fn game(name: &str, dialect: (&str, &str), defines: &[&str]) -> PathBuf {
    let dir = native::scratch(&format!("unreal_{name}"));
    let mut sources = module_sources();
    sources.push(root().join("tests/unreal/stubs/Stub/Engine.cpp"));
    sources.push(root().join("tests/unreal/game.cpp"));
    let program = dir.join("game");
    link(&objects(dialect, &engine_flags(defines), &sources, &dir), &program);
    program
}

fn editor() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| game("editor", ("g++", "-std=c++20"), &[]))
}

#[test]
fn the_module_compiles_in_every_dialect_alone_and_as_one() {
    let dir = native::scratch("unreal_dialects");
    // What a unity build makes of it: one file that includes all others.
    let together = dir.join("Module.Sterna.cpp");
    let includes =
        module_sources().iter().map(|path| format!("#include \"{}\"\n", path.display())).collect::<String>();
    fs::write(&together, includes).expect("the folder can be written");
    for (number, dialect) in dialects().into_iter().enumerate() {
        let dir = dir.join(number.to_string());
        objects(dialect, &engine_flags(&[]), std::slice::from_ref(&together), &dir);
        // By g++ they are compiled alone for the games of the other tests.
        if dialect.0 != "g++" {
            objects(dialect, &engine_flags(&[]), &module_sources(), &dir);
        }
    }
    let shipping = engine_flags(&["UE_BUILD_SHIPPING=1", "PLATFORM_MAC=1"]);
    objects(dialects()[1], &shipping, &[together], &dir.join("shipping"));
}

#[test]
fn two_players_of_an_editor_go_through_a_scale_in_and_the_end_of_play() {
    play(editor(), &["editor"]);
}

#[test]
fn blueprint_nodes_and_rooms_play_through_a_scale_in() {
    play(editor(), &["nodes"]);
}

#[test]
fn the_end_of_play_inside_an_event_leaves_nothing_behind() {
    let server = Server::start(&[]);
    native::play_under_valgrind(editor(), &["ends-inside", "tcp", &server.admin], true);
}

#[test]
fn a_missing_library_is_told_and_does_no_harm() {
    let program = game("windows", ("g++", "-std=c++17"), &["PLATFORM_WINDOWS=1"]);
    let plugin = native::scratch("unreal_plugin");
    let mut command = Command::new(&program);
    let said = run(command.args(["missing", "tcp", "127.0.0.1:1"]).env("STERNA_STUB_PLUGIN", &plugin));
    assert!(said.contains("LogSterna: Error: The native library is missing"), "{said}");
    let library = plugin.join("Source/ThirdParty/SternaLibrary/Win64/sterna.dll");
    assert!(said.contains(&library.display().to_string()), "{said}");
    fs::create_dir_all(library.parent().expect("it has a folder")).expect("it can be written");
    fs::write(&library, "a library").expect("it can be written");
    let server = Server::start(&[]);
    let mut command = Command::new(&program);
    run(command.args(["editor", "tcp", &server.admin]).env("STERNA_STUB_PLUGIN", &plugin));
}

/// Compiles a game's own files as a part of its project, with the plugin's headers and the stubs.
fn compile_game(dir: &Path, sources: &[PathBuf]) -> Vec<PathBuf> {
    // The header tool reads the game's headers beside those of the plugin, which they use.
    for header in files("Public", "h") {
        fs::copy(&header, dir.join(header.file_name().expect("it has a name"))).expect("it can be copied");
    }
    let generated = dir.join("generated");
    fs::create_dir_all(&generated).expect("it can be written");
    uht::run(dir, &generated);
    let mut flags = vec![include(generated), include(dir.to_owned())];
    flags.extend(engine_flags(&["MYGAME_API="]));
    objects(("g++", "-std=c++20"), &flags, sources, &dir.join("objects"))
}

#[test]
fn the_example_game_goes_on_when_its_node_is_taken_away() {
    let dir = native::scratch("unreal_example");
    let folder = root().join("examples/unreal/Source");
    fs::copy(folder.join("ScaleInGame.h"), dir.join("ScaleInGame.h")).expect("it can be copied");
    let sources = [folder.join("ScaleInGame.cpp"), root().join("tests/unreal/example.cpp")];
    let mut objects = compile_game(&dir, &sources);
    // The plugin and the stubs, as they were compiled for the editor.
    let of_editor = editor().parent().expect("it lies in a folder");
    let entries = fs::read_dir(of_editor).expect("it can be listed");
    let entries = entries.map(|entry| entry.expect("it can be listed").path());
    objects.extend(
        entries
            .filter(|path| path.extension().is_some_and(|found| found == "o") && !path.ends_with("game.o")),
    );
    let program = dir.join("example");
    link(&objects, &program);
    let server = Server::start(&[]);
    let said = native::play(&program, &[&server.admin]);
    assert!(said.contains("the game went on at node-"), "{said}");
}

#[test]
fn what_the_documents_show_compiles() {
    let dir = native::scratch("unreal_shown");
    let page = read("docs/UNREAL.md");
    let mut sources = Vec::new();
    for block in page.split("```cpp\n// ").skip(1) {
        let (name, code) =
            block.split("```").next().and_then(|block| block.split_once('\n')).expect("it has a name");
        fs::write(dir.join(name), code).expect("the folder can be written");
        if name.ends_with(".cpp") {
            sources.push(dir.join(name));
        }
    }
    assert_eq!(page.matches("```cpp\n").count(), sources.len() + 1, "a block has no name");
    compile_game(&dir, &sources);
}

#[test]
fn the_documents_name_what_there_is() {
    let page = read("docs/UNREAL.md");
    let console = read("bindings/unreal/Sterna/Source/Sterna/Private/SternaConsole.cpp");
    let commands: Vec<_> =
        console.split("TEXT(\"Sterna.").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        assert!(
            page.contains(&format!("| `Sterna.{command}")),
            "docs/UNREAL.md does not have Sterna.{command}"
        );
    }
    for file in [
        "Win64/sterna.dll.lib",
        "Mac/libsterna.dylib",
        "LinuxArm64/libsterna.so.0.1",
        "Android/x86_64/libsterna.so",
    ] {
        assert!(page.contains(&format!("`{file}`")), "docs/UNREAL.md does not have {file}");
    }
}
