//! The documents keep up with the source: whatever a reader may look for is there, by name and number.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of a table's row.
fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_matches('|');
    inner.split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

fn rows(document: &str) -> Vec<Vec<String>> {
    document.lines().filter(|line| line.starts_with('|')).map(cells).collect()
}

/// A frame or struct of the source: its number if it has one, its name, its fields in order.
#[derive(Debug)]
struct Declared {
    number: Option<String>,
    name: String,
    fields: Vec<String>,
}

/// The fields that follow, up to the closing brace.
fn fields<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<String> {
    lines
        .map(str::trim)
        .take_while(|line| *line != "}," && *line != "}")
        .filter(|line| !line.starts_with("//"))
        .filter_map(|line| Some(line.trim_start_matches("pub ").split_once(": ")?.0.to_owned()))
        .collect()
}

/// The entries of the `frames!` tables in a source file.
fn frames(source: &str) -> Vec<Declared> {
    let mut lines = source.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next().map(str::trim) {
        let Some((number, rest)) = line.split_once(' ').filter(|(number, _)| number.starts_with("0x")) else {
            continue;
        };
        let has_fields = rest.ends_with('{');
        let name = rest.trim_end_matches([' ', '{', ',']).to_owned();
        let fields = if has_fields { fields(&mut lines) } else { Vec::new() };
        found.push(Declared { number: Some(number.to_owned()), name, fields });
    }
    found
}

/// The public structs of a source file.
fn structs(source: &str) -> Vec<Declared> {
    let mut lines = source.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) else {
            continue;
        };
        let fields = fields(&mut lines);
        found.push(Declared { number: None, name: name.to_owned(), fields });
    }
    found
}

fn assert_described(declared: &Declared, rows: &[Vec<String>]) {
    let Declared { number, name, fields } = declared;
    let row = rows.iter().find(|row| match number {
        Some(number) => row.len() == 3 && row[0] == *number && row[1] == *name,
        None => row.len() == 2 && row[0] == *name,
    });
    let row = row.unwrap_or_else(|| panic!("docs/PROTOCOL.md has no row for {number:?} {name}"));
    let mut rest = row.last().map_or("", String::as_str);
    // The marks around a cell's first and last word are gone.
    for (index, field) in fields.iter().enumerate() {
        let quoted = if index == 0 { format!("{field}`") } else { format!("`{field}`") };
        let at = rest.find(&quoted);
        let at =
            at.unwrap_or_else(|| panic!("docs/PROTOCOL.md: {name} lacks `{field}`, or has it elsewhere"));
        rest = &rest[at + quoted.len()..];
    }
}

#[test]
fn every_frame_is_in_the_protocols_description_with_its_fields_in_order() {
    let document = read("docs/PROTOCOL.md");
    let rows = rows(&document);
    let control = frames(&read("src/protocol/wire/control.rs"));
    let peer_source = read("src/protocol/wire/peer.rs");
    let peer = frames(&peer_source);
    assert_eq!((control.len(), peer.len()), (23, 16), "the number of frames has changed: change it here too");
    for frame in control.iter().chain(&peer) {
        assert_described(frame, &rows);
    }
    for entry in structs(&peer_source) {
        assert_described(&entry, &rows);
    }
    let room_source = read("src/protocol/room/wire.rs");
    let room = frames(&room_source);
    assert_eq!(room.len(), 20, "the number of frames about rooms has changed: change it here too");
    let written = ["RoomOptions", "Condition", "MemberInfo", "RoomAnswer"];
    let mut in_messages = structs(&room_source);
    in_messages.retain(|found| written.contains(&found.name.as_str()));
    assert_eq!(in_messages.len(), written.len(), "a struct of rooms has another name: change it here too");
    for entry in room.iter().chain(&in_messages) {
        assert_described(entry, &rows);
    }
    let data = read("src/protocol/wire/data.rs");
    let switch = structs(&data).into_iter().find(|found| found.name == "Switch").expect("it is there");
    assert_described(&Declared { number: Some("0x82".into()), ..switch }, &rows);
    let types: Vec<_> = data
        .lines()
        .filter_map(|line| line.strip_prefix("const ")?.strip_suffix(';')?.split_once(": u8 = "))
        .collect();
    assert_eq!(types.len(), 5, "the number of types on the data lane has changed: change it here too");
    for (name, number) in types {
        let described = rows.iter().any(|row| row[0] == number && row[1].to_uppercase().contains(name));
        assert!(described, "docs/PROTOCOL.md has no row for {number} {name}");
    }
}

#[test]
fn every_reason_is_in_the_protocols_description() {
    let source = read("src/protocol/reasons.rs");
    let document = read("docs/PROTOCOL.md");
    let lists = source.split("reasons! {").nth(1).expect("the lists are written with a macro");
    let (mut list, mut seen) = (String::new(), 0);
    for line in lists.lines().map(str::trim) {
        if let Some(name) = line.strip_suffix(" {") {
            list = name.to_owned();
            continue;
        }
        let Some((name, rest)) = line.split_once(" = ") else { continue };
        let parts: Vec<_> = rest.splitn(3, ", ").collect();
        let [number, label, _] = parts[..] else { panic!("a reason looks different now: {line}") };
        let label = label.trim_matches('"');
        let section = document.split(&format!("**{list}**")).nth(1).unwrap_or_default();
        let section = section.split("\n**").next().unwrap_or_default();
        let row = format!("| {number} | `{name}` | `{label}` |");
        assert!(section.contains(&row), "docs/PROTOCOL.md: {list} lacks the row {row}");
        seen += 1;
    }
    assert_eq!(seen, 82, "the number of reasons has changed: change it here too");
}

/// A limit's value as the document writes it.
fn written(expression: &str) -> Vec<String> {
    let number = |text: &str| -> u64 {
        let terms = text.split(" + ").map(|term| {
            let factors = term.split(" * ").map(|factor| factor.replace('_', "").parse::<u64>());
            factors.map(|factor| factor.expect("a limit is a number, a product or a sum")).product::<u64>()
        });
        terms.sum()
    };
    let argument = expression.split_once('(').map(|(_, rest)| number(rest.trim_end_matches(')')));
    match argument {
        Some(seconds) if expression.starts_with("Duration::from_secs") => vec![format!("{seconds} s")],
        Some(millis) if expression.starts_with("Duration::from_millis") => vec![format!("{millis} ms")],
        Some(_) => panic!("a limit is written in a new way: {expression}"),
        None => {
            let value = number(expression);
            let (mib, kib, bytes) = (value >> 20, (value >> 10) & 1023, value & 1023);
            let parts = [(mib, "MiB"), (kib, "KiB"), (bytes, "B")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<_> = parts.map(|(count, unit)| format!("{count} {unit}")).collect();
            let thousands = if value < 1000 {
                value.to_string()
            } else {
                format!("{},{:03}", value / 1000, value % 1000)
            };
            vec![parts.join(" + "), thousands]
        }
    }
}

#[test]
fn every_limit_is_in_the_protocols_description_with_its_value() {
    let source = read("src/protocol/limits.rs");
    let rows = rows(&read("docs/PROTOCOL.md"));
    let mut seen = 0;
    for line in source.lines() {
        let Some(rest) = line.strip_prefix("pub const ") else { continue };
        let (name, rest) = rest.split_once(": ").expect("a constant has a type");
        let (_, value) = rest.split_once(" = ").expect("a constant has a value");
        let row = rows.iter().find(|row| row[0] == name);
        let row = row.unwrap_or_else(|| panic!("docs/PROTOCOL.md has no row for the limit {name}"));
        let allowed = written(value.trim_end_matches(';'));
        assert!(allowed.contains(&row[1]), "docs/PROTOCOL.md: {name} is {allowed:?}, not {}", row[1]);
        seen += 1;
    }
    assert!(seen > 30, "only {seen} limits were found: they are written in another way now");
}

#[test]
fn every_command_of_the_builtin_application_is_in_the_protocols_description() {
    let source = read("server/src/builtin.rs");
    let rows = rows(&read("docs/PROTOCOL.md"));
    let commands = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(": u16 = "));
    let mut seen = 0;
    for (name, number) in commands {
        let number = number.trim_end_matches(';');
        assert!(
            rows.iter().any(|row| row[0] == number && row[1] == name),
            "docs/PROTOCOL.md has no row for the command {number} {name}"
        );
        seen += 1;
    }
    assert_eq!(seen, 7, "the number of commands has changed: change it here too");
}

#[test]
fn every_configuration_key_is_in_the_operators_page() {
    let document = read("docs/OPERATIONS.md");
    let (mut section, mut seen) = (String::new(), 0);
    for line in read("server/sterna.example.toml").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
            continue;
        }
        let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") else { continue };
        if key.contains(' ') {
            continue; // a comment that happens to have an equals sign
        }
        assert!(
            document.contains(&format!("`{section}{key}`")),
            "docs/OPERATIONS.md does not have the key `{section}{key}`"
        );
        seen += 1;
    }
    assert!(seen >= 28, "only {seen} keys were found: they are written in another way now");
}

#[test]
fn operators_are_told_how_long_a_nodes_certificate_lives() {
    let source = read("server/src/pki.rs");
    let life = source
        .split("const NODE_LIFE: Duration = Duration::days(")
        .nth(1)
        .and_then(|rest| rest.split(')').next());
    let said = format!(
        "**A node's certificate** is made at its start and good for {} days.",
        life.expect("it is in days")
    );
    assert!(read("docs/OPERATIONS.md").contains(&said), "docs/OPERATIONS.md does not say: {said}");
}

#[test]
fn every_option_that_the_documents_show_exists() {
    let arguments = read("server/src/cli/args.rs");
    for path in ["README.md", "docs/OPERATIONS.md"] {
        for line in read(path).lines().filter(|line| line.contains("sterna ") && !line.contains("openssl")) {
            let options = line.split([' ', '`', ',', ';', ')']).filter_map(|word| word.strip_prefix("--"));
            for option in options.filter(|option| !option.is_empty() && *option != "help") {
                let field = format!("pub {}:", option.replace('-', "_"));
                let of_cargo = ["release", "workspace"].contains(&option);
                assert!(of_cargo || arguments.contains(&field), "{path}: `sterna` has no option --{option}");
            }
        }
    }
}

fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<_> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).to_vec();
    for entry in fs::read_dir(root().join("docs")).expect("docs/ is there") {
        let name = entry.expect("it can be listed").file_name();
        documents.push(Path::new("docs").join(name));
    }
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut seen = 0;
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).expect("it was listed");
        // What is between fences is code: a lambda looks like a link.
        let text: String = text.split("```").step_by(2).collect();
        let here = document.parent().expect("a file has a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() { document.clone() } else { here.join(file) };
            let target = root().join(&path);
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
            if !section.is_empty() {
                let there = fs::read_to_string(target).expect("only texts have sections");
                let found = there.lines().any(|line| line.starts_with('#') && anchor(line) == section);
                assert!(found, "{}: {link}: there is no such heading", document.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} links were found: they are written in another way now");
}

#[test]
fn every_row_of_the_fault_table_has_a_scene_of_its_name() {
    let document = read("docs/CORRECTNESS.md");
    let (_, table) = document.split_once("## When it goes wrong").expect("the table has its section");
    let table = table.split("\n# ").next().expect("there is a first part");
    let named: Vec<String> =
        rows(table).into_iter().skip(2).filter_map(|cells| cells.last().cloned()).collect();
    let scenes = read("src/protocol/tests/fault_table.rs");
    let mut lines = scenes.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == "#[test]"
            && let Some(name) = lines.next().and_then(|line| line.strip_prefix("fn ")?.strip_suffix("() {"))
        {
            found.push(name.to_owned());
        }
    }
    assert_eq!(named.len(), 17, "the rows of DESIGN section 4: {named:?}");
    assert_eq!(named, found, "rows of the table, and scenes, in the same order");
}

/// The spaces that the model's tests search, with the number of states that each pins.
fn pinned_spaces() -> Vec<(String, String)> {
    let mut pinned = Vec::new();
    for file in ["ownership", "delivery", "rooms"] {
        for line in read(&format!("model/tests/{file}.rs")).lines() {
            let Some(call) = line.trim().strip_prefix("search(\"") else { continue };
            let (name, arguments) = call.split_once('"').expect("a space has a name");
            let states = arguments.trim_end_matches(");").rsplit(", ").next().expect("and a size");
            pinned.push((name.to_owned(), states.replace('_', ",")));
        }
    }
    pinned
}

#[test]
fn the_sizes_of_the_models_spaces_are_those_that_its_tests_pin() {
    let document = read("docs/CORRECTNESS.md");
    let (_, section) = document.split_once("## Bounds").expect("the bounds have their section");
    let section = section.split("\n## ").next().expect("there is a first part");
    let mut said: Vec<(String, String)> = rows(section)
        .into_iter()
        .map(|cells| (cells[0].replace(" (`make soak`)", ""), cells[cells.len() - 1].clone()))
        .filter(|(name, _)| !matches!(name.as_str(), "space" | "leases") && !name.starts_with('-'))
        .collect();
    let mut pinned = pinned_spaces();
    assert!(
        pinned.len() > 30,
        "only {} spaces were found: they are written in another way now",
        pinned.len()
    );
    said.sort();
    pinned.sort();
    assert_eq!(said, pinned, "the page's tables, and what the tests pin");
}

#[test]
fn the_names_that_users_of_diarkis_are_given_exist_and_are_all_there() {
    let page = read("docs/DIARKIS.md");
    let ours = [
        "bindings/cpp/include/sterna/diarkis.hpp",
        "bindings/cpp/include/sterna/room.hpp",
        "bindings/cpp/include/sterna/sterna.hpp",
        "include/sterna.h",
        "src/protocol/application/mod.rs",
        "src/protocol/application/room.rs",
    ];
    let ours: String = ours.iter().map(|path| read(path)).collect();
    let mut seen = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cell = row.split(" | ").nth(1).expect("a row has three cells");
        for name in cell.split('`').skip(1).step_by(2) {
            let function = name.strip_suffix("()").map(|name| format!("{name}("));
            let constant = name.starts_with("STERNA_").then(|| name.to_owned());
            if let Some(wanted) = function.or(constant) {
                assert!(ours.contains(&wanted), "docs/DIARKIS.md: there is no {wanted}");
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "only {seen} names were found: they are written in another way now");
    for line in read("bindings/cpp/include/sterna/diarkis.hpp").lines().map(str::trim) {
        let virtual_one = line.strip_prefix("virtual void ");
        let command = line.strip_prefix("Result Send").map(|_| line.trim_start_matches("Result "));
        if let Some(name) = virtual_one.or(command).and_then(|rest| rest.split('(').next()) {
            assert!(page.contains(&format!("`{name}()`")), "docs/DIARKIS.md does not have {name}");
        }
    }
}

#[test]
fn every_platform_says_how_far_it_got_and_names_a_stage_of_make_test() {
    let readme = read("README.md");
    let section = readme.split("\n## Platforms\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let claims = rows(section.expect("the README has a section on platforms")).split_off(2);
    assert!(claims.len() > 8, "{claims:?}");
    let stages = read("scripts/stages.sh");
    for claim in claims {
        let [what, how, by @ ..] = &claim[..] else { panic!("{claim:?}") };
        let words = ["run", "built", "assembled", "written"];
        assert!(words.iter().any(|word| how.starts_with(word)), "{what}: {how}");
        let named = by.iter().flat_map(|by| by.split('`')).filter(|word| word.contains('/'));
        for path in named.filter(|word| word.ends_with(".rs") || word.ends_with(".sh")) {
            let path = path.rsplit(' ').next().unwrap_or(path);
            assert!(root().join(path).exists(), "{what}: there is no {path}");
            assert!(path.starts_with("tests/") || stages.contains(path), "{what}: {path} is no stage");
        }
    }
}
