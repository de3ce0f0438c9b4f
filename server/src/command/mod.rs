//! The commands: each parses nothing, calls what does the work, and prints.
//!
//! [`run`] finds the site, opens what the command needs, and turns what came out of it into an exit code.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;
use config::Complaints;

use crate::cli::{self, Cli, Command};
use crate::clock::Now;
use crate::print;
use crate::report::plural;
use crate::site::{self, Site, SiteError};

mod abort;
mod catalogue;
mod check;
mod cleanup;
mod configuration;
mod device;
mod diff;
mod dump;
pub(crate) mod erase;
mod expire;
mod explain;
mod find;
mod flush;
pub(crate) mod forget;
mod hold;
mod keeping;
mod label;
mod library;
mod list;
mod manual;
mod plan;
mod plan_volumes;
mod quickstart;
mod recover;
mod report;
mod request;
mod restore;
mod simulate;
mod status;
mod vault;
mod verify;
mod volume;

/// How a command ended, as its exit code says it; the worse, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: good.
    Good,
    /// 1: finished, with complaints or with some DLEs failed.
    Complaints,
    /// 2: could not run, or was stopped by an error.
    Failed,
    /// 3: wrong usage or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Good => 0,
            Exit::Complaints => 1,
            Exit::Failed => 2,
            Exit::Usage => 3,
        })
    }
}

/// The command or the configuration is not one that can be carried out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(pub(crate) String);

/// What every command is given.
pub(crate) struct Context {
    /// Which site was named.
    pub(crate) site: Option<String>,
    /// Whether facts are wanted as JSON.
    pub(crate) json: bool,
    /// This program.
    pub(crate) program: PathBuf,
    /// When the command began.
    pub(crate) now: Now,
    /// Who gave it.
    pub(crate) operator: String,
}

impl Context {
    /// The site that was named, with its configuration checked.
    pub(crate) fn open(&self) -> anyhow::Result<Site> {
        let directory = site::find(self.site.as_deref())?;
        let config = config::load(&directory)?;
        Ok(Site::of(directory, config))
    }

    /// What the lock says of this command.
    pub(crate) fn holder(&self, command: &str) -> String {
        format!("{command}, process {}, since {}", std::process::id(), self.now.text())
    }
}

/// Carries out a command line.
pub fn run(cli: Cli) -> Exit {
    let program = std::env::current_exe();
    let context = |program| Context {
        site: cli.config,
        json: cli.json,
        program,
        now: Now::read(),
        operator: operator(),
    };
    let result =
        program.map_err(anyhow::Error::from).map(context).and_then(|c| dispatch(&c, cli.command));
    result.unwrap_or_else(|error| explain(&error))
}

/// Who gives the command: the person behind `sudo`, or the one who logged in; where nobody did, as under cron, the user of
/// this process.
fn operator() -> String {
    let said = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
    let named = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(said);
    named.unwrap_or_else(|| {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        user(&users, rustix::process::getuid().as_raw())
    })
}

/// The name of a user, as `/etc/passwd` has it, or the number.
fn user(users: &str, number: u32) -> String {
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid {number}"))
}

fn dispatch(context: &Context, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Quickstart(arguments) => quickstart::run(context, &arguments),
        Command::Check(selection) => check::run(context, &selection),
        Command::Plan(arguments) => plan::run(context, &arguments),
        Command::Dump(arguments) => dump::run(context, &arguments),
        Command::Flush(selection) => flush::run(context, &selection),
        Command::Abort(arguments) => abort::run(context, &arguments),
        Command::Vault(arguments) => vault::run(context, &arguments),
        Command::Status(arguments) => status::run(context, &arguments),
        Command::Report(arguments) => report::run(context, &arguments),
        Command::Restore(arguments) => restore::run(context, &arguments),
        Command::Recover(arguments) => recover::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Find(arguments) => find::run(context, &arguments),
        Command::Diff(arguments) => diff::run(context, &arguments),
        Command::List(arguments) => list::run(context, &arguments),
        Command::Label(arguments) => label::run(context, &arguments),
        Command::Volume(command) => volume::run(context, &command),
        Command::Library(command) => library::run(context, &command),
        Command::Device(command) => device::run(context, &command),
        Command::Force(arguments) => request::ask(context, &arguments, request::Ask::Full),
        Command::ForceLevel1(arguments) => {
            request::ask(context, &arguments, request::Ask::LevelOne)
        }
        Command::Bump(arguments) => request::ask(context, &arguments, request::Ask::Bump),
        Command::NoBump(arguments) => request::ask(context, &arguments, request::Ask::NoBump),
        Command::Unforce(arguments) => request::take_back(context, &arguments),
        Command::Catalogue(command) => catalogue::run(context, &command),
        Command::Cleanup(arguments) => cleanup::run(context, &arguments),
        Command::Config(command) => configuration::run(context, &command),
        Command::Completions { shell } => {
            // It panics where it cannot write: into memory it can.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "reelkeep", &mut script);
            print::text(&String::from_utf8(script)?)?;
            Ok(Exit::Good)
        }
        Command::Man { directory } => manual::write(&directory).map(|()| Exit::Good),
    }
}

/// Says what went wrong, the cause of each thing below it, and chooses the exit code.
fn explain(error: &anyhow::Error) -> Exit {
    if let Some(complaints) = error.downcast_ref::<Complaints>() {
        let colour = io::IsTerminal::is_terminal(&io::stderr());
        print::remark(&complaints.pictures(colour));
        let count = complaints.0.iter().filter(|c| c.gravity == config::Gravity::Mistake).count();
        print::remark(&format!("reelkeep: the configuration has {}", plural(count, "mistake")));
        return Exit::Usage;
    }
    let mut text = format!("reelkeep: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if cause != last {
            text.push_str(&format!("\n  because: {cause}"));
        }
        last = cause;
    }
    if let Some(advice) = site::advice_on(error) {
        text.push_str(&format!("\n  what to do: {advice}"));
    }
    print::remark(&text);
    let misused = error.downcast_ref::<Misuse>().is_some()
        || matches!(error.downcast_ref(), Some(SiteError::NotFound(_)));
    if misused { Exit::Usage } else { Exit::Failed }
}

/// The names that `cli` gave to what is listed, for modules that match on them.
pub(crate) use cli::Listed;

#[cfg(test)]
mod tests {
    #[test]
    fn a_user_who_has_no_name_is_told_by_number() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n:x:7:7::/:/bin/sh\nbackup:x:34:34::/:/bin/sh\nbroken\n";
        let named = [0, 34, 7, 1000].map(|number| super::user(users, number));
        assert_eq!(named, ["root", "backup", "uid 7", "uid 1000"]);
    }
}
