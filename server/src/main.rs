//! The command `sterna`.

use std::process::ExitCode;
use sterna_server::cli::{self, Handlers};

fn main() -> ExitCode {
    cli::main(&Handlers { serve: sterna_server::serve::run, demo: sterna_server::demo::run })
}
