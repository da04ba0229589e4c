//! Rules about the source itself that no compiler checks. Each exception stands in a list with its reason, and
//! an exception that is not needed any more fails too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Lines that a file may have. Past it a file has become a drawer for everything.
const LINES_MAX: usize = 600;

/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Tests that let time pass, and why.
const SLEEPING_TESTS: &[(&str, &str)] = &[
    ("server/tests/cluster/crowd.rs", "the frames of all games, until a deadline"),
    (
        "server/tests/cluster/stage.rs",
        "looks every twenty milliseconds, until a deadline, for what nothing tells",
    ),
    ("server/tests/cluster/times.rs", "how long a fault lasts, which is what it is about"),
    ("server/tests/e2e/links.rs", "cuts links at another moment of a move in each round: any moment will do"),
    ("server/tests/e2e/main.rs", "looks once a millisecond, until a deadline, for what nothing tells"),
    (
        "server/tests/e2e/player.rs",
        "a game's frames: it looks for events once a millisecond, until a deadline",
    ),
    (
        "server/tests/e2e/program.rs",
        "looks whether the program has ended, until a deadline: std cannot wait that long",
    ),
    ("server/tests/e2e/queues.rs", "tries a full queue again until it has been full long enough"),
    ("server/tests/e2e/tickets.rs", "a ticket expires by the time of day, and nothing tells"),
    (
        "server/tests/faults/cluster.rs",
        "looks every two milliseconds, until a deadline, for what nothing tells",
    ),
    ("server/tests/faults/crashes.rs", "the frames of twenty games, until a deadline"),
    ("server/tests/faults/matrix.rs", "how long a process stands still, which is what it is about"),
    ("server/tests/faults/player.rs", "a game's frames, until a deadline"),
    (
        "server/tests/faults/process.rs",
        "tells a process to go on until it says that it does: it may not have stopped yet",
    ),
    ("server/tests/faults/room_matrix.rs", "how long a process stands still, which is what it is about"),
    ("server/tests/faults/rows.rs", "how long the engine is away, which is what it is about"),
    ("server/tests/faults/troupe.rs", "the frames of a room's games, until a deadline"),
    (
        "server/tests/http/stage.rs",
        "a game's frames: it looks for events once a millisecond, until a deadline",
    ),
    ("server/tests/nats/main.rs", "looks every five milliseconds, until a deadline, for what nothing tells"),
    ("server/tests/nats/moves.rs", "how long NATS is away, which is what it is about"),
    ("server/tests/nats/player.rs", "a game's frames, until a deadline"),
    (
        "server/tests/nats/processes.rs",
        "looks whether a process has ended, until a deadline: std cannot wait that long",
    ),
    ("server/tests/smoke.rs", "a game's frames: it looks for events once a millisecond, until a deadline"),
    ("tests/c/asleep.c", "a game that hangs, which is what it is about"),
    ("tests/c/events.c", "a game's frames: the library's own thread works meanwhile"),
    ("tests/lua/main.lua", "a game's frames, until a deadline"),
    ("tests/golden/consumer.c", "a game's frames: the server and the library's own thread work meanwhile"),
    ("tests/c/no_allocation.c", "a game's frames: the library's own thread works meanwhile"),
    ("tests/c/room.c", "a game's frames: the server and the library's own thread work meanwhile"),
    (
        "tests/c/unload.c",
        "a game's frames; and the kernel, which tells nobody when it has forgotten a joined thread",
    ),
    ("tests/csharp/Messages.cs", "a game's frames: the server and the library's own thread work meanwhile"),
    ("tests/csharp/Play.cs", "a game's frames, until a deadline"),
];

/// Words that the protocol core must not know, and what to use instead.
const FOREIGN_TO_THE_CORE: &[(&str, &str)] = &[
    ("Instant", "time comes in as `Time`"),
    ("SystemTime", "time comes in as `Time`"),
    ("tokio", "the core does no I/O: that is a driver's work"),
    ("HashMap", "its order is chance: `BTreeMap`"),
    ("HashSet", "its order is chance: `BTreeSet`"),
    ("rand", "chance comes in as a seed"),
    ("thread", "the core has no threads"),
];

/// A file of the repository.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// The file without comments and without the contents of strings, line by line.
    fn code(&self) -> Vec<String> {
        self.text.lines().map(code_of_line).collect()
    }

    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// A line of code without its comment and without the contents of its strings.
fn code_of_line(line: &str) -> String {
    let mut code = String::new();
    let mut rest = line.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '/' if rest.peek() == Some(&'/') => break,
            '"' => {
                code.push_str("\"\"");
                while let Some(inside) = rest.next() {
                    match inside {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            _ => code.push(next),
        }
    }
    code
}

/// Whether `word` stands in the code as a whole word.
fn has_word(code: &str, word: &str) -> bool {
    let of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(of_a_word) && !code[at + word.len()..].starts_with(of_a_word))
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("the repository can be read") {
        let path = entry.expect("the repository can be read").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") && name != "build" {
                collect(&path, root, found);
            }
            continue;
        }
        let wanted = ["rs", "c", "h", "cpp", "hpp", "cs", "lua", "sh"];
        if path.extension().is_some_and(|extension| wanted.iter().any(|wanted| extension == *wanted)) {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path.strip_prefix(root).expect("it lies below").to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(root, root, &mut found);
    assert!(found.len() > 80, "only {} source files were found", found.len());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Fails with all lines that broke a rule.
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// Fails unless exactly the files of the list were found.
fn assert_exceptions(rule: &str, allowed: &[(&str, &str)], found: &BTreeSet<&str>) {
    let allowed: BTreeSet<&str> = allowed.iter().map(|(path, _)| *path).collect();
    let new: Vec<_> = found.difference(&allowed).collect();
    assert!(new.is_empty(), "{rule}: {new:?}");
    let stale: Vec<_> = allowed.difference(found).collect();
    assert!(stale.is_empty(), "{rule}: these exceptions are not needed any more: {stale:?}");
}

#[test]
fn the_core_knows_no_clock_no_network_and_no_chance() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/protocol/")) {
        for (number, code) in source.code().iter().enumerate() {
            for (word, instead) in FOREIGN_TO_THE_CORE {
                if has_word(code, word) {
                    broken.push(format!("{}:{}: `{word}`: {instead}", source.path, number + 1));
                }
            }
        }
    }
    assert_none("src/protocol is pure", &broken);
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for source in sources().iter().filter(|source| source.is("rs")) {
        let may = source.path.starts_with("src/ffi/") || source.path.starts_with("src/sys/");
        for (number, code) in source.code().iter().enumerate() {
            let allows = has_word(code, "unsafe_code") && code.contains("allow");
            if has_word(code, "unsafe") || allows {
                seen += 1;
                if !may {
                    broken.push(format!("{}:{}", source.path, number + 1));
                }
            }
        }
    }
    assert_none("`unsafe` belongs into src/ffi and src/sys", &broken);
    assert!(seen > 20, "`unsafe` was found only {seen} times: does this test still see it?");
}

#[test]
fn files_are_short_enough_to_be_read() {
    let sources = sources();
    let generated = [
        "include/sterna.h",
        "bindings/unity/Runtime/Native/NativeMethods.g.cs",
        "bindings/lua/sterna_cdef.lua",
    ];
    let long: BTreeSet<&str> = sources
        .iter()
        .filter(|source| {
            source.text.lines().count() > LINES_MAX && !generated.contains(&source.path.as_str())
        })
        .map(|source| source.path.as_str())
        .collect();
    assert_exceptions(&format!("a file has at most {LINES_MAX} lines"), LONG_FILES, &long);
}

#[test]
fn nothing_is_left_undone() {
    let unfinished = ["todo!", "unimplemented!", "dbg!"];
    let mut broken = Vec::new();
    for source in &sources() {
        for (number, code) in source.code().iter().enumerate() {
            let ignored = code.trim_start().starts_with("#[ignore");
            if ignored || unfinished.iter().any(|word| code.contains(&format!("{word}("))) {
                broken.push(format!("{}:{}: {}", source.path, number + 1, code.trim()));
            }
        }
    }
    assert_none("no unfinished code, and no test that does not run", &broken);
}

#[test]
fn tests_wait_for_events_and_not_for_time() {
    let sources = sources();
    let sleeping: BTreeSet<&str> = sources
        .iter()
        .filter(|source| {
            let code = source.code();
            // In a file with both, the tests come last.
            let tests_from = code.iter().position(|line| line.trim() == "mod tests {");
            let from = if source.is_test() { Some(0) } else { tests_from };
            let sleeps = |line: &String| line.contains("sleep(") || line.contains("Thread.Sleep(");
            from.is_some_and(|from| code[from..].iter().any(sleeps))
        })
        .map(|source| source.path.as_str())
        .collect();
    assert_exceptions("a test that sleeps is slow, or fails on a slow machine", SLEEPING_TESTS, &sleeping);
}

#[test]
fn every_limit_says_why() {
    let path = "src/protocol/limits.rs";
    let sources = sources();
    let limits = sources.iter().find(|source| source.path == path).expect("the limits have one file");
    let mut before = "";
    let mut broken = Vec::new();
    for (number, line) in limits.text.lines().enumerate() {
        if line.starts_with("pub const ") && !before.starts_with("///") {
            broken.push(format!("{path}:{}: {line}", number + 1));
        }
        before = line;
    }
    assert_none("a limit has a comment that says what happens at it", &broken);
}

#[test]
fn the_licences_are_there_and_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |name: &str| fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read("LICENSE-MIT").contains("The Sterna developers"));
    assert!(read("LICENSE-APACHE").contains("Version 2.0, January 2004"));
    assert_eq!(env!("CARGO_PKG_LICENSE"), "MIT OR Apache-2.0");
    let readme = read("README.md");
    assert!(readme.contains("LICENSE-MIT") && readme.contains("LICENSE-APACHE"));
}

#[test]
fn the_checks_of_this_file_see_what_they_look_for() {
    assert_eq!(code_of_line("call(\"unsafe \\\" // not\"); // unsafe"), "call(\"\"); ");
    assert!(has_word("use tokio::time;", "tokio"));
    assert!(!has_word("let operand = strand;", "rand"));
}
