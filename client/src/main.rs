//! `reelkeep-agent`: dumps and restores trees on this host, for a server that talks to it over a pipe.
//!
//! Exit codes: 0 the conversation came to its end, 2 it could not, 3 the command line is wrong.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::{Parser, Subcommand};
use client::script::DIRECTORIES;
use client::serve::{Agent, serve};
use client::state::State;
use types::FileTime;

/// How much a pipe to the server should hold, so that neither side waits for the other at each message.
const PIPE: usize = 1 << 20;

/// Dumps and restores trees on this host, for a Reelkeep server.
#[derive(Parser)]
#[command(name = "reelkeep-agent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Talk with a server over standard input and output until it has no more to ask.
    ///
    /// The server starts this by itself: as a child process for its own host, through ssh for another. Nothing
    /// but the protocol goes over standard output; what a person should read comes on standard error.
    Serve {
        /// Where the agent remembers what it has dumped. It is made if it is not there.
        ///
        /// Without the snapshots in it, the next dump of each tree has to be a full one.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// Where scripts of Amanda's Script API are looked for, instead of `scripts` in the state's directory and the
        /// usual places; may be given again.
        #[arg(long, value_name = "DIR")]
        scripts: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 3 } else { 0 });
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reelkeep-agent: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let Command::Serve { state, mut scripts } = cli.command;
    if scripts.is_empty() {
        scripts = vec![state.join("scripts")];
        scripts.extend(DIRECTORIES.map(PathBuf::from));
    }
    let agent = Agent {
        state: State::at(&state),
        program: concat!("reelkeep-agent ", env!("CARGO_PKG_VERSION")),
        system: &system(),
        scripts: &scripts,
        clock: &now,
    };
    // Not through the buffers of the standard library, which would copy all there is to send.
    let open = |fd: io::Result<_>| fd.map(File::from);
    let input = open(io::stdin().as_fd().try_clone_to_owned()).context("opening standard input")?;
    let output =
        open(io::stdout().as_fd().try_clone_to_owned()).context("opening standard output")?;
    for end in [&input, &output] {
        // Only a pipe has a size, and it may be limited: then it stays as it is.
        rustix::pipe::fcntl_setpipe_size(end, PIPE).ok();
    }
    serve(&agent, input, output)?;
    Ok(())
}

/// The operating system, its release, and the architecture.
fn system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    [std::env::consts::OS, release.trim(), std::env::consts::ARCH]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[expect(clippy::disallowed_methods, reason = "main reads the clock for everyone")]
fn now() -> FileTime {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => {
            FileTime { seconds: since.as_secs().cast_signed(), nanos: since.subsec_nanos() }
        }
        // A host whose clock stands before 1970 has not been set; to the second is near enough.
        Err(before) => {
            FileTime { seconds: -1 - before.duration().as_secs().cast_signed(), nanos: 0 }
        }
    }
}
