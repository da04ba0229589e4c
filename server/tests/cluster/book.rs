//! Everything that the nodes have logged, and what of it is about sessions.

use crate::history::{Deed, Line};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;

/// What the nodes log: each message that the application counts, each beginning of a session, and what is wrong.
pub(crate) const FILTER: &str = "off,sterna_server=warn,sterna_server::node=info,sterna_server::node::slot=debug,sterna_server::node::leases=debug,sterna_server::builtin=trace";

/// Lines that a failing case shows at most, the last ones, without the messages.
const SHOWN_LINES_MAX: usize = 300;

/// The logs of all nodes of a cluster.
#[derive(Default)]
pub(crate) struct Book {
    lines: Mutex<Vec<Line>>,
    shown: Mutex<VecDeque<String>>,
}

impl Book {
    /// Reads the log of a process until that ends.
    pub(crate) fn follow(self: &Arc<Self>, node: String, log: impl Read + Send + 'static) {
        let book = self.clone();
        std::thread::spawn(move || {
            for text in BufReader::new(log).lines().map_while(Result::ok) {
                let line = read(&node, &text);
                if line.as_ref().is_none_or(|line| line.deed == Deed::Began) {
                    book.keep(format!("{node}: {text}"));
                }
                book.lines.lock().extend(line);
            }
        });
    }

    fn keep(&self, text: String) {
        let mut shown = self.shown.lock();
        if shown.len() == SHOWN_LINES_MAX {
            shown.pop_front();
        }
        shown.push_back(text);
    }

    /// What was written so far is about sessions that have ended.
    pub(crate) fn turn_the_page(&self) {
        self.lines.lock().clear();
    }

    /// What is written of sessions, in order of time.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = self.lines.lock().clone();
        lines.sort_by(|a, b| a.at.cmp(&b.at));
        lines
    }

    /// What a failing case shows.
    pub(crate) fn explain(&self) -> String {
        self.shown.lock().iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }
}

/// A line of a log, if it is about a session.
fn read(node: &str, text: &str) -> Option<Line> {
    let at = text.split(' ').next()?.to_owned();
    let field = |name: &str| text.split(' ').find_map(|word| word.strip_prefix(name)).map(str::to_owned);
    let (session, deed) = if text.contains(": counts a message ") {
        (field("session=")?, Deed::Counted(field("count=")?.parse().ok()?))
    } else if text.contains(": moved in ") || text.contains(": took over ") || text.contains(": took back ") {
        // The span of a move names its cohort, too.
        (text.rsplit(' ').find_map(|word| word.strip_prefix("cohort="))?.to_owned(), Deed::Began)
    } else {
        return None;
    };
    Some(Line { at, node: node.to_owned(), session, deed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<(String, Deed)> {
        read("red", text).map(|line| (line.session, line.deed))
    }

    #[test]
    fn lines_about_sessions_are_read() {
        let counted =
            "2026-01-02T03:04:05.000006Z TRACE sterna_server::builtin: counts a message session=00ab count=7";
        assert_eq!(line(counted), Some(("00ab".into(), Deed::Counted(7))));
        let moved = "2026-01-02T03:04:05.000006Z DEBUG move{role=\"target\" node=red-1 cohort=00ab move_id=7}: sterna_server::node::slot: moved in node=red-1 cohort=00ab move_id=7";
        assert_eq!(line(moved), Some(("00ab".into(), Deed::Began)));
        let took = "2026-01-02T03:04:05.000006Z  WARN sterna_server::node::slot: took over after a crash, from snapshot 3 of epoch 1 node=red-1 cohort=00ab";
        assert_eq!(line(took), Some(("00ab".into(), Deed::Began)));
        assert_eq!(line("2026-01-02T03:04:05.000006Z  INFO sterna_server::node: online"), None);
    }
}
