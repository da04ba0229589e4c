//! As much of OpenAPI's schemas as `docs/openapi.json` uses; what it does not use is refused, so that nothing is taken
//! for checked that is not.

use serde_json::Value;

/// Why a value is not what the schema says; where in the value it is.
pub(crate) fn mismatch(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let rules = schema.as_object().expect("a schema is an object");
    if let Some(reference) = rules.get("$ref") {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference");
        let named = document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
        return mismatch(document, named, value, at);
    }
    if value.is_null() && rules.get("nullable") == Some(&Value::Bool(true)) {
        return None;
    }
    rules.iter().find_map(|(rule, argument)| breaks(document, rule, argument, rules, value, at))
}

fn breaks(
    document: &Value,
    rule: &str,
    argument: &Value,
    rules: &serde_json::Map<String, Value>,
    value: &Value,
    at: &str,
) -> Option<String> {
    let wrong = |what: &str| Some(format!("{at}: {value}: {what} {argument}"));
    match rule {
        "description" | "nullable" | "default" => None,
        "type" => {
            let fits = match argument.as_str() {
                Some("object") => value.is_object(),
                Some("array") => value.is_array(),
                Some("string") => value.is_string(),
                Some("integer") => value.is_i64() || value.is_u64(),
                Some("boolean") => value.is_boolean(),
                other => panic!("the type {other:?} is not known here"),
            };
            if fits { None } else { wrong("is not of type") }
        }
        "enum" => {
            let allowed = argument.as_array().expect("a list");
            if allowed.contains(value) { None } else { wrong("is not one of") }
        }
        "minimum" if value.as_i64() < argument.as_i64() => wrong("is below"),
        "maximum" if value.as_i64() > argument.as_i64() => wrong("is above"),
        "minimum" | "maximum" => None,
        "required" => {
            let names = argument.as_array().expect("a list").iter().filter_map(Value::as_str);
            let lacks = names.into_iter().find(|name| value.get(name).is_none());
            lacks.map(|name| format!("{at}: lacks `{name}`"))
        }
        "properties" => argument.as_object().expect("a map").iter().find_map(|(name, schema)| {
            value.get(name).and_then(|value| mismatch(document, schema, value, &format!("{at}.{name}")))
        }),
        "additionalProperties" => {
            assert_eq!(argument, &Value::Bool(false));
            let known = rules.get("properties").and_then(Value::as_object).expect("it has properties");
            let unknown = value.as_object()?.keys().find(|name| !known.contains_key(*name));
            unknown.map(|name| format!("{at}: `{name}` is not described"))
        }
        "items" => value
            .as_array()?
            .iter()
            .enumerate()
            .find_map(|(index, value)| mismatch(document, argument, value, &format!("{at}[{index}]"))),
        "allOf" => {
            let all = argument.as_array().expect("a list");
            all.iter().find_map(|schema| mismatch(document, schema, value, at))
        }
        other => panic!("the rule `{other}` is not known here"),
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let document = serde_json::json!({ "named": {
        "type": "object",
        "properties": {
            "count": { "type": "integer", "minimum": 1 },
            "state": { "nullable": true, "allOf": [{ "type": "string", "enum": ["on", "off"] }] },
            "list": { "type": "array", "items": { "type": "boolean" } },
        },
        "required": ["count"],
        "additionalProperties": false,
    } });
    let schema = serde_json::json!({ "$ref": "#/named" });
    let check = |text: &str| mismatch(&document, &schema, &serde_json::from_str(text).unwrap(), "it");
    assert_eq!(check(r#"{"count": 1, "state": null, "list": [true]}"#), None);
    assert_eq!(check(r#"{"count": 2, "state": "on"}"#), None);
    for wrong in [
        "{}",
        r#"{"count": 0}"#,
        r#"{"count": "1"}"#,
        r#"{"count": 1, "state": "half"}"#,
        r#"{"count": 1, "list": [1]}"#,
        r#"{"count": 1, "more": 1}"#,
        "[]",
    ] {
        assert!(check(wrong).is_some(), "{wrong}");
    }
}
