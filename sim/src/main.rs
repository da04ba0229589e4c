//! `cargo sim`: searches seeds for a story in which a promise is broken, and shrinks it.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use sterna_sim::figures::SEEDS_TO_SEE_ALL;
use sterna_sim::play::{Failure, play};
use sterna_sim::search::search;
use sterna_sim::shrink::shrink;
use sterna_sim::story::{Story, draw};

/// Plays random stories of whole clusters on virtual time, and checks every promise.
#[derive(Debug, Parser)]
#[command(name = "cargo sim")]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// Threads; as many as there are cores unless given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Goes on after a failure, and lists all of them.
    #[arg(long)]
    keep_going: bool,
    /// Plays this one story, or with `-` the first seed's, and prints what happens.
    #[arg(long, value_name = "FILE")]
    story: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match &args.story {
        Some(path) if path.as_os_str() == "-" => tell(&draw(args.start)),
        Some(path) => match read(path) {
            Ok(story) => tell(&story),
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                ExitCode::from(2)
            }
        },
        None => look(&args),
    }
}

fn read(path: &PathBuf) -> Result<Story, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    text.parse().map_err(|error: sterna_sim::story::StoryError| error.to_string())
}

/// Plays one story, with everything that happens in it.
fn tell(story: &Story) -> ExitCode {
    println!("{story}");
    let run = play(story, true);
    for line in &run.trace {
        println!("{line}");
    }
    println!("\n{}", run.figures);
    match run.failure {
        Some(failure) => {
            println!("{}", failure.text);
            ExitCode::FAILURE
        }
        None => {
            println!("every promise was kept");
            ExitCode::SUCCESS
        }
    }
}

fn look(args: &Args) -> ExitCode {
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let began = Instant::now();
    let found = search(args.start, args.seeds, jobs, args.keep_going);
    println!("{}", found.figures);
    println!(
        "{:.1} s with {jobs} threads; violations: {}",
        began.elapsed().as_secs_f64(),
        found.failures.len()
    );
    if args.keep_going {
        for (seed, failure) in &found.failures {
            println!("seed {seed}: {}", failure.text);
        }
    }
    if let Some((seed, failure)) = found.failures.iter().next() {
        explain(*seed, failure);
        return ExitCode::FAILURE;
    }
    let missing = found.figures.missing();
    if found.figures.seeds >= SEEDS_TO_SEE_ALL && !missing.is_empty() {
        println!("never occurred, so that this search proves too little: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The seed's story in its shortest form, and how to play it again.
fn explain(seed: u64, failure: &Failure) {
    println!("\nseed {seed} failed: {}", failure.text);
    println!("to play it again: cargo sim --start {seed} --story -");
    let shrunk = shrink(draw(seed), failure.clone());
    println!(
        "\nits shortest story, after {} runs; to play it, save it and: cargo sim --story FILE",
        shrunk.runs
    );
    println!("\n# {}", shrunk.failure.text.replace('\n', "\n# "));
    println!("{}", shrunk.story);
}
