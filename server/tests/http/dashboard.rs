//! The dashboard, the alert rules and the operators' page speak of figures that there are.

use crate::exposition::names_in_queries;
use crate::figures::every_figure;
use crate::stage::read;
use serde_json::Value;
use std::collections::BTreeSet;

const DASHBOARD: &str = "examples/monitoring/grafana-dashboard.json";
const RULES: &str = "examples/monitoring/alerts.yml";

/// What rules may ask for besides: Prometheus' own, and NATS' by its exporter with `-varz -prefix=nats`, as the chart runs it.
const OTHERS: [&str; 3] =
    ["up", "nats_varz_jetstream_stats_storage", "nats_varz_jetstream_config_max_storage"];

/// What lines of a text begin with that is written on several ones.
const FOLDED: &str = "          ";

/// The names of figures in a query.
fn names(query: &str) -> impl Iterator<Item = &str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let figure = |name: &&str| name.starts_with("sterna_") || name.starts_with("nats_") || *name == "up";
    query.split(move |c| !word(c)).filter(figure)
}

fn assert_query(query: &str, known: &BTreeSet<String>, place: &str) {
    let mut seen = 0;
    for name in names(query) {
        assert!(known.contains(name), "{place}: there is no figure `{name}`: {query}");
        seen += 1;
    }
    assert!(seen > 0, "{place}: asks for nothing: {query}");
    for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
        let count = |wanted: char| query.chars().filter(|c| *c == wanted).count();
        assert_eq!(count(open), count(close), "{place}: {query}");
    }
    // A counter says something by how fast it rises only, and a histogram by its quantiles.
    for name in names(query).filter(|name| name.ends_with("_total") || name.ends_with("_bucket")) {
        let at = query.find(name).expect("it was found there");
        let before = query[..at].trim_end();
        let rate = ["rate(", "increase("].iter().any(|function| before.ends_with(function));
        assert!(rate, "{place}: `{name}` is asked for without a rate: {query}");
    }
}

#[test]
fn the_dashboard_asks_for_figures_that_there_are() {
    let known = names_in_queries(&every_figure());
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let (mut queries, mut ids) = (0, BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "two panels of one id");
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_query(target["expr"].as_str().expect("a query"), &known, title);
            queries += 1;
        }
    }
    assert!(queries >= 15, "only {queries} queries were found: they are written in another way now");
}

#[test]
fn the_alert_rules_ask_for_figures_that_there_are() {
    let mut known = names_in_queries(&every_figure());
    known.extend(OTHERS.map(str::to_owned));
    let rules = read(RULES);
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 6, "only {} alerts were found", alerts.len());
    let mut names = BTreeSet::new();
    for alert in alerts {
        let name = alert.lines().next().expect("a name");
        assert!(names.insert(name), "{name}: twice");
        let value = |key: &str| {
            let mut lines = alert.lines();
            let found = lines.find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
            match found.unwrap_or_else(|| panic!("{RULES}: {name} lacks `{key}`")) {
                ">-" => lines.map_while(|line| line.strip_prefix(FOLDED)).collect::<Vec<_>>().join(" "),
                text => text.to_owned(),
            }
        };
        assert_query(&value("expr"), &known, name);
        assert!(["info", "warning", "critical"].contains(&value("severity").as_str()), "{name}");
        assert!(!value("summary").is_empty() && !value("description").is_empty());
        let wait = value("for");
        assert!(
            wait.ends_with(['s', 'm']) && wait[..wait.len() - 1].parse::<u32>().is_ok(),
            "{name}: {wait}"
        );
    }
}

#[test]
fn the_operators_page_has_every_figure_with_its_type_and_labels() {
    let page = read("docs/OPERATIONS.md");
    let (_, section) = page.split_once("\n## Figures\n").expect("figures have their section");
    let section = section.split("\n## ").next().expect("it has an end");
    let described: BTreeSet<String> = section
        .lines()
        .filter(|line| line.starts_with("| `sterna_"))
        .map(|line| line.split(" | ").take(3).collect::<Vec<_>>().join(" | "))
        .collect();
    let figures = every_figure();
    let counted: BTreeSet<String> = figures
        .iter()
        .map(|(name, family)| {
            let shown = if family.kind == "counter" { format!("{name}_total") } else { name.clone() };
            let labels: Vec<_> = family.labels().iter().map(|label| format!("`{label}`")).collect();
            format!("| `{shown}` | {} | {}", family.kind, labels.join(", "))
        })
        .collect();
    assert_eq!(described, counted);
}
