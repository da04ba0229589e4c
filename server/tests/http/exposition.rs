//! A strict reader of OpenMetrics text, as far as the server writes it. `promtool` is a tool that not everybody has;
//! what it would complain of fails here.

use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// All that has one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

impl Family {
    /// The names of labels, but for the bounds of buckets.
    pub(crate) fn labels(&self) -> BTreeSet<String> {
        self.samples
            .iter()
            .flat_map(|sample| sample.labels.keys())
            .filter(|name| *name != "le")
            .cloned()
            .collect()
    }

    /// The sum of all samples with this ending of the name, and with these labels.
    pub(crate) fn sum(&self, ending: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |sample: &&Sample| {
            sample.name.ends_with(ending)
                && labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|has| has == value))
        };
        self.samples.iter().filter(fits).map(|sample| sample.value).sum()
    }
}

pub(crate) type Families = BTreeMap<String, Family>;

/// Names as queries use them: what a family's samples are called.
pub(crate) fn names_in_queries(families: &Families) -> BTreeSet<String> {
    let endings = |kind: &str| -> &'static [&'static str] {
        match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        }
    };
    families
        .iter()
        .flat_map(|(name, family)| endings(&family.kind).iter().map(move |ending| format!("{name}{ending}")))
        .collect()
}

/// Reads it all, or says what is wrong, and where.
pub(crate) fn parse(text: &str) -> Result<Families, String> {
    let lines = text.strip_suffix("# EOF\n").ok_or("does not end with `# EOF`")?;
    let mut families = Families::new();
    let mut current = String::new();
    for (number, line) in lines.lines().enumerate() {
        read_line(line, &mut families, &mut current)
            .map_err(|error| format!("line {}: {error}: {line}", number + 1))?;
    }
    for (name, family) in &families {
        check(name, family).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(families)
}

fn read_line(line: &str, families: &mut Families, current: &mut String) -> Result<(), String> {
    if let Some(comment) = line.strip_prefix("# ") {
        let (word, rest) = comment.split_once(' ').ok_or("a comment of one word")?;
        let (name, text) = rest.split_once(' ').ok_or("nothing behind the name")?;
        if name != current && families.contains_key(name) {
            return Err("the family stands in two places".into());
        }
        current.replace_range(.., name);
        let family = families.entry(name.to_owned()).or_default();
        let field = match word {
            "HELP" => &mut family.help,
            "TYPE" => &mut family.kind,
            _ => return Err("neither HELP nor TYPE".into()),
        };
        if !field.is_empty() || !family.samples.is_empty() {
            return Err("said twice, or too late".into());
        }
        field.push_str(text);
        return Ok(());
    }
    let sample = read_sample(line)?;
    let family = families.get_mut(current).ok_or("a sample without a family")?;
    if !belongs(&sample.name, current, &family.kind) {
        return Err(format!("not a sample of a {} `{current}`", family.kind));
    }
    let same = |known: &Sample| known.name == sample.name && known.labels == sample.labels;
    if family.samples.iter().any(same) {
        return Err("the same series twice".into());
    }
    family.samples.push(sample);
    Ok(())
}

fn belongs(sample: &str, family: &str, kind: &str) -> bool {
    let Some(ending) = sample.strip_prefix(family) else { return false };
    match kind {
        "counter" => ending == "_total",
        "gauge" => ending.is_empty(),
        "histogram" => ["_bucket", "_sum", "_count"].contains(&ending),
        _ => false,
    }
}

fn read_sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err("not a name".into());
    }
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("a label without a value")?;
            let (value, after) = quoted(after)?;
            if !is_name(label) || labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("the label `{label}`"));
            }
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after.strip_prefix('}').ok_or("labels without an end")?;
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let value = value.parse().map_err(|_| "not a number")?;
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// The text up to the closing quote, and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, next)) = chars.next() {
        match next {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("an unknown escape".into()),
            },
            other => value.push(other),
        }
    }
    Err("a quote without an end".into())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// What holds within a family, and Prometheus' conventions of names.
fn check(name: &str, family: &Family) -> Result<(), String> {
    if !name.starts_with("sterna_") || !is_name(name) || family.help.is_empty() {
        return Err("the name, or its help".into());
    }
    if name.ends_with("_total") || name.ends_with("_count") {
        return Err("such an ending is given to samples".into());
    }
    if family.samples.iter().any(|sample| sample.value.is_nan()) {
        return Err("not a number".into());
    }
    match family.kind.as_str() {
        "gauge" => Ok(()),
        "counter" => {
            let negative = family.samples.iter().any(|sample| sample.value < 0.0);
            if negative { Err("a counter below zero".into()) } else { Ok(()) }
        }
        "histogram" if !name.ends_with("_seconds") && !name.ends_with("_bytes") => Err("no unit".into()),
        "histogram" => check_histogram(family),
        other => Err(format!("the type `{other}`")),
    }
}

fn check_histogram(family: &Family) -> Result<(), String> {
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in family.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le").ok_or("a bucket without a bound")?;
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().map_err(|_| "a bound")? };
        series.entry(labels).or_default().push((bound, sample.value));
    }
    for (labels, buckets) in series {
        let rises = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let of = |ending: &str| {
            let mut samples = family.samples.iter().filter(|sample| sample.name.ends_with(ending));
            samples.find(|sample| sample.labels == labels).map(|sample| sample.value)
        };
        let (count, sum) = (of("_count").ok_or("no count")?, of("_sum").ok_or("no sum")?);
        let last = buckets.last().filter(|(bound, _)| bound.is_infinite()).ok_or("no bucket for all")?;
        if !rises || last.1 != count || sum < 0.0 || (count == 0.0 && sum != 0.0) {
            return Err(format!("buckets, count and sum do not agree: {labels:?}"));
        }
    }
    Ok(())
}

#[test]
fn what_is_not_openmetrics_is_found() {
    let good = "# HELP sterna_a_seconds Text\n# TYPE sterna_a_seconds histogram\nsterna_a_seconds_sum{n=\"x\"} 1.5\n\
                sterna_a_seconds_count{n=\"x\"} 2\nsterna_a_seconds_bucket{le=\"1.0\",n=\"x\"} 1\n\
                sterna_a_seconds_bucket{le=\"+Inf\",n=\"x\"} 2\n# EOF\n";
    let families = parse(good).unwrap();
    assert_eq!(families["sterna_a_seconds"].sum("_count", &[("n", "x")]), 2.0);
    for (from, to) in [
        ("# EOF\n", ""),
        ("# HELP sterna_a_seconds Text\n", ""),
        ("histogram", "counter"),
        ("_count{n=\"x\"} 2", "_count{n=\"x\"} 3"),
        ("le=\"+Inf\"", "le=\"2\""),
        ("_bucket{le=\"1.0\",n=\"x\"} 1", "_bucket{le=\"1.0\",n=\"x\"} 3"),
        ("{n=\"x\"} 1.5", "{n=\"x} 1.5"),
        ("1.5", "a lot"),
        ("sterna_a_seconds", "sterna_a"),
    ] {
        let bad = good.replace(from, to);
        assert!(parse(&bad).is_err(), "{bad}");
    }
}
