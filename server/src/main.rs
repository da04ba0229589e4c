//! The command `sterna`.

use std::process::ExitCode;
use sterna_server::cli::{self, CliError, Handlers};

fn main() -> ExitCode {
    cli::main(&Handlers {
        serve: sterna_server::serve::run,
        demo: |_| Err(CliError::Failed("this build contains no demonstration".into())),
    })
}
