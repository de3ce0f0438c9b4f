//! `reelkeep`: the server and all its commands.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use server::cli::{Cli, arguments};
use server::command;

fn main() -> ExitCode {
    let cli = match arguments(std::env::args_os()).and_then(Cli::try_parse_from) {
        Ok(cli) => cli,
        Err(help) => {
            // Help and version are asked for; anything else is wrong usage, which is 3 with us.
            let code = if help.use_stderr() { command::Exit::Usage } else { command::Exit::Good };
            drop(help.print());
            return code.into();
        }
    };
    log_to_standard_error(cli.verbose);
    command::run(cli).into()
}

/// What the program says of its own doing, for those who ask with -v.
fn log_to_standard_error(verbose: u8) {
    let level = match verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        2 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        // A log or a mail has no colours.
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}
