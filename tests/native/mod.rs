//! Compiles and runs C and C++ programs against the built library, for the tests beside this folder.

#![allow(dead_code)] // each test uses a part of it

pub(crate) mod cross;
pub(crate) mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use sterna::client::token::ConnectToken;

/// What every program must compile with, without a warning.
pub(crate) const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wshadow", "-Werror"];

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo put the library that was built with this test.
pub(crate) fn library_dir() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let dir = test.parent().expect("it lies in a folder").to_owned();
    assert!(dir.join("libsterna.so").exists(), "no libsterna.so in {}", dir.display());
    dir
}

/// An empty folder for one test's programs.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the target folder can be written");
    dir
}

/// Whether a program can be started at all.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a program is there, also if it does not know `--version`.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Those of `compilers` that are installed. The first is needed and named if it is missing.
pub(crate) fn compilers<'a>(compilers: &[&'a str]) -> Vec<&'a str> {
    let found: Vec<_> = compilers.iter().copied().filter(|name| has(name)).collect();
    let needed = compilers[0];
    assert!(
        found.contains(&needed),
        "no `{needed}`: install a compiler (Debian: apt install build-essential)"
    );
    println!("compilers that run: {}; not installed: {}", found.join(" "), {
        let missing: Vec<_> = compilers.iter().copied().filter(|name| !found.contains(name)).collect();
        if missing.is_empty() { "none".to_owned() } else { missing.join(" ") }
    });
    found
}

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// With `libsterna.so`.
    Shared,
    /// With `libsterna.a`.
    Static,
    /// Not with the library: it loads it by itself.
    Nothing,
}

/// Runs a command and wants it to succeed.
pub(crate) fn run(command: &mut Command) -> String {
    // cargo's own search path may hold an older build of the library.
    command.env("LD_LIBRARY_PATH", library_dir());
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, all_output(&output));
    all_output(&output)
}

fn all_output(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Compiles a source below the repository into `dir`.
pub(crate) fn compile(compiler: &str, source: &str, flags: &[&str], link: Link, dir: &Path) -> PathBuf {
    let name = Path::new(source).file_stem().expect("a source has a name").to_string_lossy().into_owned();
    let program = dir.join(format!("{name}-{}", compiler.replace('+', "p")));
    let mut command = Command::new(compiler);
    command.args(WARNINGS).args(["-g", "-pthread"]).args(flags);
    command.arg("-I").arg(root().join("include")).arg("-I").arg(root().join("bindings/cpp/include"));
    command.arg(root().join(source)).arg("-o").arg(&program);
    match link {
        Link::Shared => {
            let dir = library_dir();
            command.arg("-L").arg(&dir).arg("-lsterna");
            command.arg(format!("-Wl,-rpath,{}", dir.display()));
        }
        Link::Static => {
            command.arg(library_dir().join("libsterna.a"));
            command.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]);
        }
        Link::Nothing => {
            command.arg("-ldl");
        }
    }
    run(&mut command);
    program
}

/// Runs a compiled program and wants it to succeed.
pub(crate) fn play(program: &Path, arguments: &[&str]) -> String {
    run(Command::new(program).args(arguments))
}

/// Runs a compiled program under Valgrind, which then must not find anything. Without Valgrind it says so,
/// unless `STERNA_NEED_VALGRIND` is set, as it is where releases are made.
///
/// `encrypted`: the program talks to a server. Valgrind cannot follow the assembly of the ciphers, and takes
/// all that comes out of them for uninitialised; leaks and wrong accesses it finds all the same.
pub(crate) fn play_under_valgrind(program: &Path, arguments: &[&str], encrypted: bool) {
    if !has("valgrind") {
        assert!(std::env::var_os("STERNA_NEED_VALGRIND").is_none(), "valgrind is not installed");
        println!("valgrind is not installed: {} was not run under it", program.display());
        return;
    }
    run(Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"])
        .args(["--num-callers=30", "--fair-sched=yes"])
        .args(if encrypted { &["--undef-value-errors=no"][..] } else { &[] })
        .arg(program)
        .args(arguments));
}

/// Runs the jobs on as many threads as there are processors.
pub(crate) fn in_parallel<T: Send + Sync>(jobs: &[T], work: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    work(job);
                }
            });
        }
    });
}

/// A token that is well formed, for a cluster of which no node runs: nobody listens at its address.
pub(crate) fn dead_token() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| {
        // Bound, and let go at once: a port that nobody else is likely to have taken since.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("this machine has a loopback");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        ConnectToken {
            cluster: "nowhere".into(),
            ca: include_bytes!("ca.der").to_vec(),
            tcp: vec![address],
            quic: vec![],
            user_token: "a.b.c".into(),
        }
        .encode()
    })
}
