//! Configuration by variables of the environment: `STERNA__` and the key in capitals, with `__` for the dot.
//!
//! `STERNA__NODES=3`, `STERNA__LIMITS__SESSIONS_MAX=100`, `STERNA__ENGINE__URLS=["nats://10.0.0.2:4222"]`. A value is
//! TOML, or else a text without its quotes. One underscore would not do: Kubernetes sets variables like
//! `STERNA_PORT` for a service of this name.

use super::{ConfigError, file};
use toml::{Table, Value};

const PREFIX: &str = "STERNA__";

/// A file's text, which has been read before, with the variables' values in place of its own.
pub(super) fn over(
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<String, ConfigError> {
    let mut ours: Vec<_> =
        variables.into_iter().filter_map(|(name, value)| Some((key(&name)?, name, value))).collect();
    if ours.is_empty() {
        return Ok(text.to_owned());
    }
    // So that of several mistakes the same is reported each time.
    ours.sort();
    let mut all: Table = text.parse().unwrap_or_default();
    for (key, variable, value) in ours {
        let text = Value::String(value.clone());
        let value = read_value(&value);
        match check(&key, &value) {
            Ok(()) => insert(&mut all, &key, value),
            // A name like `2024` looks like a number.
            Err(_) if check(&key, &text).is_ok() => insert(&mut all, &key, text),
            Err(error) => {
                return Err(ConfigError::InEnvironment { variable, error: without_line(&error) });
            }
        }
    }
    Ok(all.to_string())
}

/// Reads a value by itself: what is wrong with it has no line of the file.
fn check(key: &str, value: &Value) -> Result<(), ConfigError> {
    let mut alone = Table::new();
    insert(&mut alone, key, value.clone());
    // What a value needs beside it may be in the file.
    if key.starts_with("engine.") && key != "engine.kind" {
        insert(&mut alone, "engine.kind", Value::String("nats".into()));
    }
    file::read(&alone.to_string()).map(|_| ())
}

/// A variable has no lines.
fn without_line(error: &ConfigError) -> String {
    let text = error.to_string();
    let rest =
        text.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map(|(_, rest)| rest.to_owned());
    rest.unwrap_or(text)
}

fn key(variable: &str) -> Option<String> {
    Some(variable.strip_prefix(PREFIX)?.to_lowercase().replace("__", "."))
}

/// What is no TOML is a text: most addresses, paths and names.
fn read_value(text: &str) -> Value {
    let table = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    let value = table.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn insert(table: &mut Table, key: &str, value: Value) {
    let Some((section, rest)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    match section {
        Value::Table(section) => insert(section, rest, value),
        // The file has something else there, which is reported as such.
        other => {
            let mut inner = Table::new();
            insert(&mut inner, rest, value);
            *other = Value::Table(inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError, EngineConfig};
    use std::path::Path;

    fn load(path: Option<&Path>, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(path, owned)
    }

    fn file(name: &str, text: &str) -> std::path::PathBuf {
        let path =
            std::env::temp_dir().join(format!("sterna-environment-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let path =
            file("wins", "cluster = \"red\"\nnodes = 2\n[limits]\nsessions_max = 5\ntargets_max = 2\n");
        let config = load(
            Some(&path),
            &[
                ("STERNA__NODES", "3"),
                ("STERNA__LIMITS__SESSIONS_MAX", "100"),
                ("STERNA__ENDPOINT", "127.0.0.1:7980"),
                ("STERNA__HOST", "::1"),
                ("STERNA__LOG", "warn,sterna_server=debug"),
                ("STERNA__NAME", "2024"),
                ("STERNA_TOKEN", "none of the configuration's"),
                ("HOME", "/root"),
            ],
        )
        .unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!((config.cluster.as_str(), config.name.as_str(), config.nodes), ("red", "2024", 3));
        assert_eq!((config.limits.sessions_max, config.limits.targets_max), (100, 2));
        assert_eq!(config.endpoint, Some("127.0.0.1:7980".parse().unwrap()));
        assert_eq!(
            (config.host.to_string().as_str(), config.log.as_str()),
            ("::1", "warn,sterna_server=debug")
        );
    }

    #[test]
    fn lists_and_tables_are_reached_too() {
        let config = load(
            None,
            &[
                ("STERNA__STATE_DIR", "/var/lib/sterna"),
                ("STERNA__ENGINE__KIND", "nats"),
                ("STERNA__ENGINE__URLS", "[\"nats://10.0.0.2:4222\", \"nats://10.0.0.3:4222\"]"),
            ],
        )
        .unwrap();
        let EngineConfig::Nats(nats) = config.engine else { panic!("{:?}", config.engine) };
        assert_eq!(nats.urls, ["nats://10.0.0.2:4222", "nats://10.0.0.3:4222"]);
    }

    #[test]
    fn a_mistake_names_its_variable() {
        for (name, value, says) in [
            ("STERNA__NODE", "3", "no key `node`"),
            ("STERNA__NODES", "0", "allowed is 1 to 64"),
            ("STERNA__NODES", "many", "`nodes`"),
            ("STERNA__NODES", "1\ncluster = \"x\"", "`nodes`"),
            ("STERNA__LIMITS__SESSION_MAX", "3", "no key `session_max`"),
            ("STERNA__ADMIN", "nowhere", "`admin`"),
        ] {
            let error = load(None, &[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("in the environment: `{name}`: ")), "{error}");
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn relations_are_checked_over_file_and_environment() {
        let path =
            file("relations", "[times]\ntake_over_ms = 5000\nself_fence_ms = 4000\nlease_renew_ms = 1000\n");
        assert!(load(Some(&path), &[]).is_ok());
        let error = load(Some(&path), &[("STERNA__TIMES__SELF_FENCE_MS", "6000")]).unwrap_err();
        std::fs::remove_file(path).unwrap();
        assert!(error.to_string().contains("times.self_fence_ms"), "{error}");
    }
}
