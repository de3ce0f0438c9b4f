//! A program that takes a mail on its standard input, as sendmail does.
//!
//! What it reads and what it complains about are files in memory, so that neither a mailer that does not read nor
//! one that leaves a child behind with our pipe can hold up the night. One that is not done after [`LIMIT`] is
//! ended, and its children with it.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// How long a mailer may take, in seconds: it only has to put the mail into its queue.
const LIMIT: Timespec = Timespec { tv_sec: 300, tv_nsec: 0 };
/// How much of its complaints is read.
const COMPLAINT: usize = 2000;

/// Why a program did not take a mail.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It could not be started, fed or waited for.
    #[error(
        "it could not be run; set mailer to a program that takes mail as sendmail does, or smtp to a server"
    )]
    Run(#[source] io::Error),
    /// It said no.
    #[error("it ended with {status}{complaint}")]
    Refused {
        /// How it ended.
        status: ExitStatus,
        /// What it said, after a colon; or nothing.
        complaint: String,
    },
    /// It did not come to an end.
    #[error("it was not done after {} seconds and was ended{complaint}", LIMIT.tv_sec)]
    Slow {
        /// What it said, after a colon; or nothing.
        complaint: String,
    },
}

/// Runs `path` with these arguments and `input` on its standard input.
pub(super) fn run(path: &Path, arguments: &[&str], input: &[u8]) -> Result<(), ProgramError> {
    run_within(path, arguments, input, LIMIT)
}

pub(super) fn run_within(
    path: &Path,
    arguments: &[&str],
    input: &[u8],
    limit: Timespec,
) -> Result<(), ProgramError> {
    let complaints = in_memory("complaints").map_err(ProgramError::Run)?;
    let mut child = start(path, arguments, input, &complaints).map_err(ProgramError::Run)?;
    let done = wait_until_done(&child, limit);
    if !matches!(done, Ok(true)) {
        end(&child);
    }
    let status = child.wait().map_err(ProgramError::Run)?;
    let complaint = said(&complaints);
    match done {
        Err(error) => Err(ProgramError::Run(error)),
        Ok(false) => Err(ProgramError::Slow { complaint }),
        Ok(true) if status.success() => Ok(()),
        Ok(true) => Err(ProgramError::Refused { status, complaint }),
    }
}

fn start(path: &Path, arguments: &[&str], input: &[u8], complaints: &File) -> io::Result<Child> {
    let mut mail = in_memory("mail")?;
    mail.write_all(input)?;
    mail.rewind()?;
    Command::new(path)
        .args(arguments)
        .stdin(mail)
        .stdout(Stdio::null())
        .stderr(complaints.try_clone()?)
        .process_group(0)
        .spawn()
}

fn in_memory(name: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?))
}

/// Waits until the child has ended; false if the limit came first.
fn wait_until_done(child: &Child, limit: Timespec) -> io::Result<bool> {
    let process = pidfd_open(pid(child)?, PidfdFlags::empty())?;
    let limit = Duration::try_from(limit).map_err(io::Error::other)?;
    let begun = Instant::now();
    loop {
        // A signal in between begins no new time.
        let left = limit.saturating_sub(begun.elapsed());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ends the child and its children. Whoever has ended already needs no ending.
fn end(child: &Child) {
    if let Ok(group) = pid(child) {
        let _gone = kill_process_group(group, Signal::KILL);
    }
}

fn pid(child: &Child) -> io::Result<Pid> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    id.ok_or_else(|| io::Error::other("it has no process id"))
}

/// What it complained about, on one line after a colon.
fn said(complaints: &File) -> String {
    let mut bytes = [0; COMPLAINT];
    let read = complaints.read_at(&mut bytes, 0).unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..read]);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join("; ")) }
}
