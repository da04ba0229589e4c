//! Names of the plugin against those of the C header: none is forgotten, and each has the number that it has there.

use super::{read, reflected};
use std::collections::BTreeMap;

/// `STERNA_EVENT_ROOM_ENTERED` without its prefix, as the plugin writes it.
fn camel(name: &str) -> String {
    let word = |part: &str| format!("{}{}", &part[..1], part[1..].to_lowercase());
    name.split('_').filter(|part| !part.is_empty()).map(|part| word(&part.to_uppercase())).collect()
}

/// The constants of an enumeration of the header with their numbers and what stands before each.
fn constants(header: &str, of: &str) -> Vec<(String, u32, String)> {
    let (_, rest) = header.split_once(&format!("typedef enum {of} {{")).unwrap_or_else(|| panic!("no {of}"));
    let (body, _) = rest.split_once(&format!("}} {of};")).expect("it ends");
    let mut comment = String::new();
    let mut found = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some((name, value)) =
            line.strip_prefix("STERNA_").and_then(|rest| rest.trim_end_matches(',').split_once(" = "))
        {
            found.push((name.to_owned(), value.parse().expect("a number"), std::mem::take(&mut comment)));
        } else {
            comment.push_str(line.trim_start_matches(['/', '*', ' ']));
            comment.push(' ');
        }
    }
    assert!(found.len() > 1, "{of}");
    found
}

#[test]
fn every_constant_of_the_header_is_in_blueprint_by_name_and_number() {
    let header = read("include/sterna.h");
    let enums = [
        ("SternaResult", "ERROR_"),
        ("SternaState", "STATE_"),
        ("SternaOfflineReason", "OFFLINE_"),
        ("SternaTransport", "TRANSPORT_"),
        ("SternaMoveMode", "MOVE_"),
        ("SternaLogLevel", "LOG_"),
        ("SternaValueKind", "VALUE_"),
        ("SternaComparison", "COMPARE_"),
    ];
    // What the plugin has beyond the header, for what the header cannot say.
    let own = ["ESternaResult::LibraryMissing", "ESternaResult::Unknown", "ESternaComparison::None"];
    let mut beyond = Vec::new();
    for (of, prefix) in enums {
        let name = format!("E{of}");
        let mut ours: BTreeMap<String, u32> = reflected().1.enums[&name].iter().cloned().collect();
        for (constant, number, _) in constants(&header, of) {
            let expected = camel(constant.strip_prefix(prefix).unwrap_or(&constant));
            assert_eq!(ours.remove(&expected), Some(number), "{name}::{expected} for STERNA_{constant}");
        }
        beyond.extend(ours.into_keys().map(|entry| format!("{name}::{entry}")));
    }
    assert_eq!(beyond, own);
    let declared = header.lines().filter(|line| line.starts_with("typedef enum ")).count();
    assert_eq!(declared, enums.len() + 1, "the header has another enumeration (SternaEventType is below)");
}

#[test]
fn every_event_has_a_delegate_for_blueprint_and_one_for_cpp() {
    let header = read("include/sterna.h");
    let types = &reflected().1.types;
    let link = read("bindings/unreal/Sterna/Source/Sterna/Private/SternaLink.cpp");
    let events = constants(&header, "SternaEventType");
    for (constant, _, _) in &events {
        let event = camel(constant.strip_prefix("EVENT_").expect("an event"));
        let owner = if event.starts_with("Room") { "USternaRoom" } else { "USternaSubsystem" };
        let (kind, specifiers) = types[owner]
            .properties
            .get(&format!("On{event}"))
            .unwrap_or_else(|| panic!("{owner} has no On{event}"));
        assert_eq!(kind, &format!("FSterna{event}Signature"));
        assert!(specifiers.contains("BlueprintAssignable"), "On{event}");
        let native = format!("FSterna{event}Native On{event}Native;");
        assert!(types[owner].lines.contains(&native), "{owner} lacks {native}");
        let object = if owner == "USternaRoom" { "Room" } else { "Subsystem" };
        assert!(
            link.contains(&format!("Tell({object}.On{event}Native, {object}.On{event}, ")),
            "nobody tells On{event}"
        );
    }
    let ours = ["USternaRoom", "USternaSubsystem"].iter().flat_map(|owner| types[*owner].properties.keys());
    assert_eq!(ours.filter(|name| name.starts_with("On")).count(), events.len(), "an event that is none");
}

#[test]
fn what_is_valid_in_an_event_is_in_its_arguments() {
    let header = read("include/sterna.h");
    let mut seen = 0;
    for (constant, _, comment) in constants(&header, "SternaEventType") {
        let event = camel(constant.strip_prefix("EVENT_").expect("an event"));
        let arguments = &reflected().1.types[&format!("FSterna{event}Args")];
        let valid = comment.split("Valid:").nth(1).unwrap_or_else(|| panic!("{constant}: {comment}"));
        // Every other piece is in marks; those in capitals are constants.
        for field in valid
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|field| !field.starts_with("STERNA_") && !field.starts_with("sterna_"))
        {
            let names: Vec<String> = match field {
                "status" => vec!["Result".into()],
                "data" | "length" => vec!["Payload".into(), "Value".into()],
                "text" => ["Node", "Reason", "Text", "User", "Key"].map(str::to_owned).to_vec(),
                "in_room" | "reliable" => vec![format!("b{}", camel(field))],
                "log_level" => vec!["Level".into()],
                "session_id" | "room_id" | "request_id" | "deadline_ms" => vec![camel(field)],
                // Who is in the room may be told as a number of its own.
                _ if [
                    "room_exited",
                    "room_member_left",
                    "room_member_joined",
                    "room_owner_changed",
                    "disconnected",
                ]
                .contains(&field) =>
                {
                    continue;
                }
                _ => vec![camel(field)],
            };
            let found = names.iter().any(|name| arguments.properties.contains_key(name));
            assert!(found, "FSterna{event}Args has no {names:?} for `{field}`");
            seen += 1;
        }
    }
    assert!(seen > 60, "only {seen} fields were found: the header writes them in another way now");
}

#[test]
fn every_figure_is_in_blueprint() {
    let header = read("include/sterna.h");
    let (_, rest) = header.split_once("typedef struct SternaStats {").expect("it is there");
    let (body, _) = rest.split_once("} SternaStats;").expect("it ends");
    let fields = body.lines().filter_map(|line| line.trim().strip_prefix("uint64_t ")?.strip_suffix(';'));
    let ours = &reflected().1.types["FSternaStats"].properties;
    let subsystem = read("bindings/unreal/Sterna/Source/Sterna/Private/SternaSubsystem.cpp");
    let mut seen = 0;
    for field in fields {
        assert!(ours.contains_key(&camel(field)), "FSternaStats lacks {field}");
        assert!(
            subsystem.contains(&format!("Stats.{} = static_cast<int64>(Native.{field});", camel(field))),
            "{field}"
        );
        seen += 1;
    }
    assert_eq!(seen, ours.len());
}

#[test]
fn every_request_about_rooms_is_in_blueprint() {
    let header = read("include/sterna.h");
    let ours = &reflected().1.types["USternaRoom"].functions;
    let other = BTreeMap::from([
        ("create", "CreateRoom"),
        ("join", "JoinRoom"),
        ("join_random", "JoinRandomRoom"),
        ("leave", "LeaveRoom"),
        ("close", "CloseRoom"),
        ("send_migrate", "SendMigrateRoom"),
        ("set", "SetProperty"),
        ("remove", "RemoveProperty"),
        ("compare_and_set", "CompareAndSetProperty"),
        ("increment", "IncrementProperty"),
        ("get", "GetProperty"),
        ("id", "GetRoomId"),
        ("me", "GetMe"),
        ("owner", "GetOwner"),
        ("members", "GetMembers"),
    ]);
    let mut seen = 0;
    for line in header.lines().filter(|line| {
        line.starts_with("enum SternaResult sterna_room_")
            || line.contains(" sterna_room_") && line.starts_with("STERNA_API ")
    }) {
        let (_, rest) = line.split_once("sterna_room_").expect("it was looked for");
        let name = rest.split('(').next().unwrap_or_default();
        if name == "config_init" || name == "member_count" {
            continue; // of the structs, and of the list of members
        }
        let expected = other.get(name).map_or_else(|| camel(name), |name| (*name).to_owned());
        assert!(ours.contains(&expected), "USternaRoom lacks {expected} for sterna_room_{name}");
        seen += 1;
    }
    assert!(seen >= 22, "only {seen} functions were found: the header writes them in another way now");
}
