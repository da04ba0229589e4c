//! What the fuzzers have found (`fuzz/`), played again without them: on any toolchain, in every run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use sterna::testing::hostile;

type Target = fn(&[u8]);

/// The fuzz targets of this crate.
const TARGETS: [(&str, Target); 6] = [
    ("client_against_node", hostile::client_against_node),
    ("client_frames", hostile::client_frames),
    ("connect_token", hostile::connect_token),
    ("node_against_client", hostile::node_against_client),
    ("peer_frames", hostile::peer_frames),
    ("peers_against_node", hostile::peers_against_node),
];

/// Those of the server. They are replayed where they are fuzzed.
const OF_THE_SERVER: [&str; 2] = ["sealed", "user_token"];

/// The corpora travel with every clone.
const BYTES_MAX: u64 = 300 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder; none if it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn every_input_that_was_found_is_harmless() {
    for (name, target) in TARGETS {
        let corpus = files(&fuzz().join("corpus").join(name));
        assert!(corpus.len() > 10, "fuzz/corpus/{name} holds only {} inputs", corpus.len());
        for path in corpus.into_iter().chain(files(&fuzz().join("found").join(name))) {
            println!("{}", path.display());
            target(&fs::read(&path).expect("it can be read"));
        }
    }
}

#[test]
fn every_target_has_a_small_corpus_and_no_corpus_is_without_a_target() {
    let known: BTreeSet<String> =
        TARGETS.map(|(name, _)| name).into_iter().chain(OF_THE_SERVER).map(str::to_owned).collect();
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let targets: BTreeSet<String> = files(&fuzz().join("fuzz_targets")).into_iter().map(stem).collect();
    assert_eq!(targets, known);
    let corpora: BTreeSet<String> = files(&fuzz().join("corpus")).into_iter().map(stem).collect();
    assert_eq!(corpora, known);
    let inputs = known.iter().flat_map(|name| files(&fuzz().join("corpus").join(name)));
    let bytes: u64 = inputs.map(|path| fs::metadata(path).expect("it is there").len()).sum();
    assert!(bytes < BYTES_MAX, "{bytes} bytes: scripts/fuzz.sh keep");
}
