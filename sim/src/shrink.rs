//! Shrinks a story that fails to its shortest form: fewer happenings, fewer nodes, shorter times (Zeller and
//! Hildebrandt's delta debugging, 2002). The seed stays: what is left to chance begins alike.

use crate::play::{Failure, play};
use crate::story::Story;

/// Runs that a shrinking may take; past them the shortest story so far is good enough.
const RUNS_MAX: u32 = 3000;

/// A story that fails, and how.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The shortest that was found.
    pub story: Story,
    /// How it fails.
    pub failure: Failure,
    /// How many runs that took.
    pub runs: u32,
}

impl Shrunk {
    /// Takes over a shorter story if it fails in the same way.
    fn try_shorter(&mut self, story: Story) -> bool {
        if self.runs >= RUNS_MAX || story == self.story {
            return false;
        }
        self.runs += 1;
        match play(&story, false).failure {
            Some(failure) if failure.kind == self.failure.kind => {
                (self.story, self.failure) = (story, failure);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Leaves out ever smaller parts of what happens.
    fn leave_out(&mut self) -> bool {
        let before = self.story.happenings.len();
        let mut size = before.div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.story.happenings.len() {
                let mut shorter = self.story.clone();
                let to = (from + size).min(shorter.happenings.len());
                shorter.happenings.drain(from..to);
                if !self.try_shorter(shorter) {
                    from += size;
                }
            }
            size /= 2;
        }
        self.story.happenings.len() < before
    }

    fn simplify(&mut self) -> bool {
        let mut any = false;
        while self.story.nodes > 2 {
            let nodes = self.story.nodes - 1;
            if !self.try_shorter(Story { nodes, ..self.story.clone() }) {
                break;
            }
            any = true;
        }
        let last_ms = self.story.happenings.last().map_or(0, |(at_ms, _)| *at_ms);
        for length_ms in [last_ms + 1, last_ms + 1000, last_ms + 5000] {
            if length_ms < self.story.length_ms {
                any |= self.try_shorter(Story { length_ms, ..self.story.clone() });
            }
        }
        any
    }
}

/// Shrinks a story that fails like this.
pub fn shrink(story: Story, failure: Failure) -> Shrunk {
    let mut shrunk = Shrunk { story, failure, runs: 0 };
    loop {
        let shorter = shrunk.leave_out();
        let simpler = shrunk.simplify();
        if !shorter && !simpler {
            return shrunk;
        }
    }
}
