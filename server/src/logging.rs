//! What goes to stderr, and how much of it.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Reads a filter: a level (`info`), or levels for targets (`warn,sterna_server=debug`). `None`: it is
/// neither. (`Targets` itself would take a misspelt level for the name of a target.)
pub fn filter(text: &str) -> Option<Targets> {
    let mut targets = Targets::new();
    for part in text.split(',').map(str::trim) {
        targets = match part.split_once('=') {
            Some((target, level)) if !target.is_empty() => targets.with_target(target, level_of(level)?),
            Some(_) => return None,
            None => targets.with_default(level_of(part)?),
        };
    }
    Some(targets)
}

/// Logs to stderr from now on, unless something else does already. A filter that cannot be read counts as
/// `info`: the configuration has been checked before.
pub fn init(text: &str) {
    let filter = filter(text).unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}

fn level_of(text: &str) -> Option<LevelFilter> {
    match text {
        "off" => Some(LevelFilter::OFF),
        "error" => Some(LevelFilter::ERROR),
        "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        "trace" => Some(LevelFilter::TRACE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn targets_have_levels_of_their_own() {
        let filter = filter("warn, sterna_server=debug").unwrap();
        assert!(filter.would_enable("sterna_server::node", &Level::DEBUG));
        assert!(!filter.would_enable("quinn", &Level::INFO));
        assert!(filter.would_enable("quinn", &Level::WARN));
    }
}
