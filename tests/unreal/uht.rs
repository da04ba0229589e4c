//! A small part of what Unreal's header tool does: reads the headers of the plugin, checks the rules that it would check, and
//! writes the `.generated.h` that they include, so that they compile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A class or struct with `GENERATED_BODY()`.
#[derive(Debug, Default)]
pub(crate) struct Type {
    /// Type and specifiers of each `UPROPERTY`, by its name.
    pub(crate) properties: BTreeMap<String, (String, String)>,
    pub(crate) functions: BTreeSet<String>,
    /// All the rest of its declarations, line by line.
    pub(crate) lines: Vec<String>,
}

/// What the headers declare.
#[derive(Debug, Default)]
pub(crate) struct Reflected {
    pub(crate) types: BTreeMap<String, Type>,
    /// Names and numbers.
    pub(crate) enums: BTreeMap<String, Vec<(String, u32)>>,
    pub(crate) dynamic_delegates: BTreeSet<String>,
}

/// Types that Blueprint knows, of those that the plugin uses.
const PLAIN: &[&str] = &["bool", "uint8", "int32", "int64", "float", "double", "FString"];

impl Reflected {
    /// Whether a type may be in a property or in a function of Blueprint.
    fn knows(&self, of: &str) -> bool {
        let of = of.trim().trim_start_matches("const ").trim_end_matches('&').trim();
        if let Some(inner) = of.strip_prefix("TArray<").and_then(|rest| rest.strip_suffix('>')) {
            return self.knows(inner);
        }
        if let Some(inner) = of.strip_prefix("TMap<").and_then(|rest| rest.strip_suffix('>')) {
            return inner.split(", ").all(|part| self.knows(part));
        }
        if let Some(object) = of.strip_prefix("TObjectPtr<").and_then(|rest| rest.strip_suffix('>')) {
            return self.types.contains_key(object);
        }
        if let Some(object) = of.strip_suffix('*') {
            return object == "UObject" || self.types.contains_key(object);
        }
        let struct_or_delegate = of.starts_with('F') && self.types.contains_key(of);
        PLAIN.contains(&of)
            || self.enums.contains_key(of)
            || struct_or_delegate
            || self.dynamic_delegates.contains(of)
    }
}

/// The lines of a statement or of a macro's call, in one, without comments.
fn statement<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, first: &str, ends: &[char]) -> String {
    let mut whole = first.trim().to_owned();
    while !whole.ends_with(ends) || whole.matches('(').count() != whole.matches(')').count() {
        let Some((_, line)) = lines.next() else { break };
        whole = format!("{whole} {}", line.trim());
    }
    whole
}

/// The word behind `class STERNA_API`, `class`, `struct STERNA_API` or `enum class`.
fn declared(line: &str) -> String {
    let words: Vec<_> = line.split([' ', ':']).filter(|word| !word.is_empty()).collect();
    let at = if words[0] == "enum" || words[1].ends_with("_API") { 2 } else { 1 };
    words[at].to_owned()
}

fn body(name: &str, base: Option<&str>) -> String {
    let Some(base) = base else {
        return format!("public: static const char* StubName() {{ return \"{name}\"; }}");
    };
    format!(
        "public: using Super = {base}; using ThisClass = {name}; \
         static UClass* StaticClass() {{ static UClass Class = {{\"{name}\", Super::StaticClass()}}; return &Class; }} \
         virtual UClass* GetClass() const override {{ return StaticClass(); }} private:"
    )
}

/// Reads one header, and gives the text of its `.generated.h`.
fn read(name: &str, text: &str, reflected: &mut Reflected) -> String {
    let includes: Vec<_> = text.lines().filter(|line| line.starts_with("#include")).collect();
    let own = format!("#include \"{name}.generated.h\"");
    assert_eq!(includes.last(), Some(&own.as_str()), "{name}.h: the last include is not its own");
    let mut generated = format!(
        "#undef CURRENT_FILE_ID\n#define CURRENT_FILE_ID FID_{name}_h\n#include \"UObject/Object.h\"\n"
    );
    let (mut current, mut base, mut marked) = (String::new(), None, "");
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.starts_with("DECLARE_DYNAMIC_") {
            let whole = statement(&mut lines, trimmed, &[';']);
            let inner = whole.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(");"));
            reflected.dynamic_delegates.insert(inner.split(',').next().unwrap_or_default().to_owned());
        }
        for kind in ["UCLASS(", "USTRUCT(", "UENUM("] {
            if trimmed.starts_with(kind) {
                statement(&mut lines, trimmed, &[')']);
                marked = kind;
            }
        }
        let begins = ["class ", "struct ", "enum class "];
        if line.ends_with(';') || !begins.iter().any(|begin| line.starts_with(begin)) {
            if trimmed == "GENERATED_BODY()" {
                let macro_of = format!("FID_{name}_h_{}_GENERATED_BODY", number + 1);
                generated.push_str(&format!("#define {macro_of} {}\n", body(&current, base.as_deref())));
            } else if let Some(of) = reflected.types.get_mut(&current) {
                of.lines.push(trimmed.to_owned());
            }
        } else if !marked.is_empty() {
            current = declared(line);
            base = line.split("public ").nth(1).map(|rest| rest.trim_end_matches([',', ' ']).to_owned());
            let prefix = match marked {
                "UCLASS(" => 'U',
                "USTRUCT(" => 'F',
                _ => 'E',
            };
            assert!(current.starts_with(prefix), "{name}.h: {current} does not begin with {prefix}");
            if prefix == 'E' {
                assert!(line.ends_with(": uint8"), "{current}: Blueprint knows only uint8");
                reflected.enums.insert(current.clone(), Vec::new());
            } else {
                reflected.types.insert(current.clone(), Type::default());
            }
            marked = "";
        }
        if line == "};" {
            current.clear();
        }
        if let Some(entries) = reflected.enums.get_mut(&current)
            && let Some((entry, value)) = trimmed.trim_end_matches(',').split_once(" = ")
        {
            let value = value.split(' ').next().unwrap_or_default();
            entries.push((entry.to_owned(), value.parse().expect("an enumerator has a number")));
        }
        if trimmed.starts_with("UPROPERTY(") {
            let specifiers = statement(&mut lines, trimmed, &[')']);
            let (_, next) = lines.next().expect("a property follows");
            let declaration = statement(&mut lines, next, &[';']);
            let declaration = declaration.trim_end_matches(';').split(" = ").next().unwrap_or_default();
            let (kind, property) = declaration.rsplit_once(' ').expect("a property has a type and a name");
            let of = reflected.types.get_mut(&current).expect("a property is in a class or struct");
            let before = of.properties.insert(property.to_owned(), (kind.to_owned(), specifiers));
            assert!(before.is_none(), "{current}::{property} is there twice");
            assert!(
                kind != "bool" || property.starts_with('b'),
                "{current}::{property}: booleans begin with b"
            );
        }
        if trimmed.starts_with("UFUNCTION(") {
            let specifiers = statement(&mut lines, trimmed, &[')']);
            let (_, next) = lines.next().expect("a function follows");
            let declaration = statement(&mut lines, next, &[';', '}']);
            let in_blueprint = specifiers.contains("Blueprint");
            assert!(!in_blueprint || specifiers.contains("Category = \""), "{declaration}: no category");
            let of = reflected.types.get_mut(&current).expect("a function is in a class");
            of.lines.push(format!("UFUNCTION {declaration}"));
            let function = declaration.split('(').next().and_then(|before| before.rsplit(' ').next());
            let function = function.expect("a function has a name").to_owned();
            assert!(of.functions.insert(function), "{current}: Blueprint knows no overloads: {declaration}");
        }
    }
    generated
}

/// The type of each parameter, and what is returned.
fn types_of(declaration: &str) -> Vec<String> {
    let declaration = declaration.trim_start_matches("UFUNCTION ").trim_start_matches("static ");
    let (before, rest) = declaration.split_once('(').expect("a function has parameters");
    let parameters = rest.split_once(')').map_or("", |(parameters, _)| parameters);
    let mut types = vec![before.rsplit_once(' ').map_or("", |(kind, _)| kind).to_owned()];
    for parameter in parameters.split(", ").filter(|parameter| !parameter.is_empty()) {
        let declared = parameter.split(" = ").next().unwrap_or_default();
        types.push(declared.rsplit_once(' ').map_or("", |(kind, _)| kind).to_owned());
    }
    types.retain(|kind| kind != "void");
    types
}

/// Reads all headers in a folder, checks them, and writes their `.generated.h`.
pub(crate) fn run(public: &Path, out: &Path) -> Reflected {
    let mut reflected = Reflected::default();
    let mut headers: Vec<_> = fs::read_dir(public)
        .expect("the plugin has headers")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    headers.retain(|path| path.extension().is_some_and(|found| found == "h"));
    headers.sort();
    for header in headers {
        let name = header.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&header).expect("it was listed");
        if text.contains(".generated.h") {
            let generated = read(&name, &text, &mut reflected);
            fs::write(out.join(format!("{name}.generated.h")), generated).expect("the folder can be written");
        }
    }
    for (name, of) in &reflected.types {
        for (property, (kind, specifiers)) in &of.properties {
            assert!(reflected.knows(kind), "{name}::{property}: {kind} cannot be a property");
            let assignable = specifiers.contains("BlueprintAssignable");
            assert_eq!(
                assignable,
                reflected.dynamic_delegates.contains(kind),
                "{name}::{property}: {specifiers}"
            );
        }
        for declaration in of.lines.iter().filter(|line| line.starts_with("UFUNCTION ")) {
            for kind in types_of(declaration) {
                assert!(reflected.knows(&kind), "{name}: {declaration}: {kind} is unknown to Blueprint");
            }
        }
    }
    reflected
}
