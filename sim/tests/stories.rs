//! Stories that have failed once are played for ever; and the simulation itself is looked at.

use std::fs;
use std::path::Path;
use sterna_sim::figures::Figures;
use sterna_sim::play::{Failure, play};
use sterna_sim::search::search;
use sterna_sim::shrink::shrink;
use sterna_sim::story::{Happening, Story, draw};

/// The stories of `sim/stories`, by their files' names.
fn kept() -> Vec<(String, Story)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stories");
    let mut stories: Vec<(String, Story)> = fs::read_dir(&folder)
        .expect("the stories are there")
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = fs::read_to_string(&path).expect("a story can be read");
            let story = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_name().expect("a file").to_string_lossy().into_owned(), story)
        })
        .collect();
    stories.sort_by(|a, b| a.0.cmp(&b.0));
    stories
}

#[test]
fn every_story_that_once_failed_keeps_every_promise() {
    let stories = kept();
    assert!(!stories.is_empty());
    for (name, story) in stories {
        let failure = play(&story, false).failure;
        assert_eq!(failure, None, "cargo sim --story sim/stories/{name}");
    }
}

#[test]
fn the_same_story_happens_twice_in_the_same_way() {
    for seed in 1..30 {
        let (once, twice) = (play(&draw(seed), true), play(&draw(seed), true));
        assert!(!once.trace.is_empty(), "seed {seed}");
        assert_eq!(once.trace, twice.trace, "seed {seed}");
        assert_eq!(once.figures.to_string(), twice.figures.to_string(), "seed {seed}");
    }
}

#[test]
fn a_short_search_keeps_every_promise() {
    let found = search(1, 60, 2, true);
    assert!(found.failures.is_empty(), "{:?}", found.failures);
    assert_eq!(found.figures.seeds, 60);
}

#[test]
fn what_never_occurred_is_named() {
    let missing = Figures::default().missing();
    assert!(missing.contains(&"crash") && missing.contains(&"moved"));
    let missing = search(1, 60, 2, true).figures.missing();
    assert!(!missing.contains(&"drain") && !missing.contains(&"moved"), "{missing:?}");
}

/// A story that fails by design: its player can never reach a node again that keeps its session, which no
/// heal can mend, since its machine's clock stands still for hours.
fn hopeless() -> Story {
    let mut story = draw(7);
    let for_ms = 10 * 3_600_000;
    for node in 1..=story.nodes {
        story.happenings.push((3_000, Happening::Pause { node, for_ms }));
    }
    story.happenings.sort_by_key(|(at_ms, _)| *at_ms);
    story
}

#[test]
fn a_story_that_fails_is_shrunk_to_what_it_is_about() {
    let story = hopeless();
    let failure: Failure = play(&story, false).failure.expect("nobody answers any more");
    let before = story.happenings.len();
    let shrunk = shrink(story, failure.clone());
    assert_eq!(shrunk.failure.kind, failure.kind);
    let left = &shrunk.story.happenings;
    assert!(left.len() < before && left.len() <= 10, "{}", shrunk.story);
    let pauses = left.iter().filter(|(_, happening)| matches!(happening, Happening::Pause { .. })).count();
    assert!(pauses > 0, "{}", shrunk.story);
    let again = shrunk.story.to_string().parse().map(|story| play(&story, false).failure);
    assert_eq!(again, Ok(Some(shrunk.failure)), "the text tells the same");
}
