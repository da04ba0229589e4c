//! What came of the cases, as text. Printed also when the test passes: not by `println`, which is shown of failures only.

use crate::judge::Verdict;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// A case that was passed, in figures.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) verdict: Verdict,
    /// From the fault until the last player over TCP, and over QUIC, had a message of who took over.
    pub(crate) take_over: Option<[Duration; 2]>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// In this time.
    Passed(&'static str, Row, Duration),
    Failed(&'static str, String),
    NotRun(&'static str),
}

impl Outcome {
    /// Why it failed, if it has.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(_, failure) => Some(failure),
            Self::Passed(..) | Self::NotRun(_) => None,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Failed(name, _) => format!("{name:<45} FAILED"),
            Self::NotRun(name) => format!("{name:<45} not run"),
            Self::Passed(name, Row { verdict, take_over }, took) => {
                let take_over = take_over.map_or("-".into(), |times| {
                    let [tcp, quic] = times.map(|time| time.as_millis());
                    format!("{tcp} / {quic}")
                });
                let Verdict { messages, lost, told_lost, doubled, reordered, longest_pause, .. } = verdict;
                let lost =
                    if *told_lost > 0 { format!("{lost} (+{told_lost} told)") } else { lost.to_string() };
                let (pause, took) = (longest_pause.as_millis(), took.as_secs_f64());
                format!(
                    "{name:<45} {messages:>9} {lost:>15} {doubled:>8} {reordered:>10} {pause:>9} {take_over:>15} {took:>6.1}"
                )
            }
        }
    }
}

/// One case, as soon as it has ended.
pub(crate) fn print_one(outcome: &Outcome) {
    say(&format!("{}\n", outcome.line()));
}

/// All of them.
pub(crate) fn print(outcomes: &[Outcome], took: Duration) {
    let mut text = format!("\n{} cases in {:.0} s\n", outcomes.len(), took.as_secs_f64());
    let _ = writeln!(
        text,
        "{:<45} {:>9} {:>15} {:>8} {:>10} {:>9} {:>15} {:>6}",
        "case", "messages", "lost", "doubled", "reordered", "pause ms", "TCP / QUIC ms", "s"
    );
    for outcome in outcomes {
        let _ = writeln!(text, "{}", outcome.line());
    }
    say(&text);
}

/// A line between the rows.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
