//! A story as text: settings, then one line for each happening. What is printed can be read again.

use super::{Keeping, Story};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A text that is no story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryError {
    /// Which line.
    pub line: usize,
    /// What is wrong with it.
    pub text: String,
}

impl fmt::Display for StoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

impl std::error::Error for StoryError {}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "nodes {}", self.nodes)?;
        writeln!(f, "length_ms {}", self.length_ms)?;
        match self.durability {
            Keeping::None => writeln!(f, "durability none")?,
            Keeping::Lazy { every_ms } => writeln!(f, "durability every {every_ms}")?,
            Keeping::BeforeAck => writeln!(f, "durability snapshot")?,
        }
        let ranges = [
            ("link_us", &self.link_us),
            ("peer_us", &self.peer_us),
            ("outbox_us", &self.outbox_us),
            ("engine_us", &self.engine_us),
        ];
        for (name, range) in ranges {
            writeln!(f, "{name} {}..{}", range.start, range.end)?;
        }
        for (at_ms, happening) in &self.happenings {
            writeln!(f, "{at_ms:>6} ms  {happening}")?;
        }
        Ok(())
    }
}

fn range(text: &str) -> Option<Range<u64>> {
    let (start, end) = text.split_once("..")?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

fn keeping(text: &str) -> Option<Keeping> {
    match text.split_once(' ') {
        None if text == "none" => Some(Keeping::None),
        None if text == "snapshot" => Some(Keeping::BeforeAck),
        Some(("every", ms)) => Some(Keeping::Lazy { every_ms: ms.parse().ok()? }),
        _ => None,
    }
}

impl Story {
    fn read_line(&mut self, line: &str) -> Result<(), String> {
        if let Some((at_ms, happening)) = line.split_once(" ms ") {
            let at_ms = at_ms.trim().parse().map_err(|_| format!("`{at_ms}` is no time"))?;
            self.happenings.push((at_ms, happening.parse()?));
            return Ok(());
        }
        let (name, value) = line.split_once(' ').ok_or("neither a setting nor a happening")?;
        let no_value = || format!("`{value}` is no value of `{name}`");
        let number = || value.parse::<u64>().map_err(|_| no_value());
        match name {
            "seed" => self.seed = number()?,
            "nodes" => self.nodes = value.parse().map_err(|_| no_value())?,
            "length_ms" => self.length_ms = number()?,
            "durability" => self.durability = keeping(value).ok_or_else(no_value)?,
            "link_us" => self.link_us = range(value).ok_or_else(no_value)?,
            "peer_us" => self.peer_us = range(value).ok_or_else(no_value)?,
            "outbox_us" => self.outbox_us = range(value).ok_or_else(no_value)?,
            "engine_us" => self.engine_us = range(value).ok_or_else(no_value)?,
            _ => return Err(format!("there is no setting `{name}`")),
        }
        Ok(())
    }
}

impl FromStr for Story {
    type Err = StoryError;

    fn from_str(text: &str) -> Result<Self, StoryError> {
        let mut story = Self {
            seed: 0,
            nodes: 3,
            length_ms: 0,
            durability: Keeping::None,
            link_us: 5_000..15_000,
            peer_us: 200..2_000,
            outbox_us: 10..200,
            engine_us: 300..3_000,
            happenings: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                story.read_line(line).map_err(|text| StoryError { line: index + 1, text })?;
            }
        }
        story.happenings.sort_by_key(|(at_ms, _)| *at_ms);
        Ok(story)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::draw;

    #[test]
    fn what_is_printed_can_be_read_again() {
        for seed in 0..200 {
            let story = draw(seed);
            assert_eq!(story.to_string().parse(), Ok(story));
        }
    }

    #[test]
    fn a_text_that_is_no_story_says_which_line_is_wrong() {
        let line = |text: &str| text.parse::<Story>().map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(line("seed 1\n# words\n\n  3 ms  crash node=1"), Ok(()));
        assert_eq!(line("seed x").unwrap_err(), "line 1: `x` is no value of `seed`");
        assert_eq!(line("seed 1\nspeed 2").unwrap_err(), "line 2: there is no setting `speed`");
        assert_eq!(line("7 ms  crash").unwrap_err(), "line 1: `node=` is missing");
        assert!(line("7 ms  explode node=1").unwrap_err().contains("nothing is called `explode`"));
    }
}
