//! Scripts: programs of Amanda's Script API, run on this host when the server says so.
//!
//! A script is named, never pathed: it is looked for in the directories that whoever installed the agent named, so that
//! a server can have run what an administrator of this host has put there, and nothing else. It is asked first what it
//! understands, then run once, without input; what it says is read from both of its outputs at once, for one that fills
//! the output nobody reads would wait for ever. It is over when it has ended: what it leaves running, a daemon that it
//! has started, may hold its outputs open for as long as it likes, and is neither waited for nor ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use format::script::{LONGEST_LINE, MOST_LINES, ScriptCall, ScriptEnd, Support, arguments};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionread};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Where Debian, and Amanda as it comes, install such programs; and a place of our own.
pub const DIRECTORIES: [&str; 4] = [
    "/usr/local/lib/reelkeep/application",
    "/usr/lib/reelkeep/application",
    "/usr/lib/amanda/application",
    "/usr/libexec/amanda/application",
];

/// The most bytes that are kept of one output. A program that says more is read on, and not believed more.
const MOST: usize = MOST_LINES * LONGEST_LINE / 8;

/// How much is read at once.
const CHUNK: usize = 16 << 10;

/// Why a script was not run.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Its name is a path, or looks like an option.
    #[error("{0:?} is not the name of a script")]
    BadName(String),
    /// There is none of that name.
    #[error("there is no script {name:?} that may be executed in {}", shown(.directories))]
    Missing {
        /// Its name.
        name: String,
        /// Where it was looked for.
        directories: Vec<PathBuf>,
    },
    /// It does not run.
    #[error("could not run the script {path}")]
    Run {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It cannot say what it understands, so that nobody knows how to speak to it.
    #[error("the script {path} could not say what it supports: {why}")]
    Support {
        /// Which.
        path: PathBuf,
        /// What it said instead.
        why: String,
    },
}

fn shown(directories: &[PathBuf]) -> String {
    let shown = directories.iter().map(|directory| directory.display().to_string());
    shown.collect::<Vec<_>>().join(", ")
}

/// Runs a script of one of these directories.
pub fn run(call: &ScriptCall, directories: &[PathBuf]) -> Result<ScriptEnd, ScriptError> {
    let path = find(&call.plugin, directories)?;
    let asked = execute(&path, &[b"support".to_vec()])?;
    let what = ScriptEnd::read(asked.code, b"", &asked.errors);
    if !what.went_well() {
        let said = what.said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join(" / ");
        let why = if said.is_empty() { format!("exit code {:?}", what.code) } else { said };
        return Err(ScriptError::Support { path, why });
    }
    let ran = execute(&path, &arguments(call, &Support::read(&asked.out)))?;
    Ok(ScriptEnd::read(ran.code, &ran.out, &ran.errors))
}

fn find(name: &str, directories: &[PathBuf]) -> Result<PathBuf, ScriptError> {
    if name.is_empty() || name.contains('/') || name.starts_with(['.', '-']) {
        return Err(ScriptError::BadName(name.to_owned()));
    }
    let paths = directories.iter().map(|directory| directory.join(name));
    paths.into_iter().find(|path| may_be_executed(path)).ok_or_else(|| ScriptError::Missing {
        name: name.to_owned(),
        directories: directories.to_vec(),
    })
}

fn may_be_executed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// What a program wrote, and how it ended.
struct Ran {
    code: Option<i32>,
    out: Vec<u8>,
    errors: Vec<u8>,
}

fn execute(path: &Path, arguments: &[Vec<u8>]) -> Result<Ran, ScriptError> {
    let failed = |source| ScriptError::Run { path: path.to_owned(), source };
    let mut child = Command::new(path)
        .args(arguments.iter().map(|argument| OsStr::from_bytes(argument)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let outputs = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
    // Whatever it came to, both are closed now: the program cannot wait for somebody to read them.
    let heard = hear(&child, outputs.map(Output::of));
    let status = child.wait().map_err(failed)?;
    let [out, errors] = heard.map_err(failed)?;
    Ok(Ran { code: status.code(), out, errors })
}

/// Hears a program until it has ended, and then what it has left in its outputs.
fn hear(program: &Child, mut outputs: [Output; 2]) -> io::Result<[Vec<u8>; 2]> {
    let process = pidfd_open(Pid::from_child(program), PidfdFlags::empty())?;
    loop {
        let mut polled = vec![PollFd::new(&process, PollFlags::IN)];
        let open = || outputs.iter().filter_map(|output| output.from.as_ref());
        polled.extend(open().map(|from| PollFd::new(from, PollFlags::IN)));
        match poll(&mut polled, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let mut ready = polled.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>();
        if ready.remove(0) {
            outputs.iter_mut().try_for_each(Output::take_rest)?;
            return Ok(outputs.map(|output| output.kept));
        }
        let open = outputs.iter_mut().filter(|output| output.from.is_some());
        for (output, _) in open.zip(ready).filter(|(_, ready)| *ready) {
            output.take_some(CHUNK)?;
        }
    }
}

/// One output of a program.
struct Output {
    /// None once it is at its end.
    from: Option<File>,
    /// The first of what came.
    kept: Vec<u8>,
}

impl Output {
    fn of(from: Option<OwnedFd>) -> Self {
        Self { from: from.map(File::from), kept: Vec::new() }
    }

    /// Takes at most `most` of the bytes that are there, and says how many.
    fn take_some(&mut self, most: usize) -> io::Result<usize> {
        let Some(from) = &mut self.from else { return Ok(0) };
        let mut bytes = [0; CHUNK];
        let read = loop {
            match from.read(&mut bytes[..most.min(CHUNK)]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if read == 0 {
            self.from = None;
        }
        self.kept.extend(&bytes[..read.min(MOST - self.kept.len())]);
        Ok(read)
    }

    /// Takes what is there now, and not what whoever else has this output says hereafter.
    fn take_rest(&mut self) -> io::Result<()> {
        let Some(from) = &self.from else { return Ok(()) };
        let mut left = usize::try_from(ioctl_fionread(from)?).unwrap_or(usize::MAX);
        while left > 0 {
            match self.take_some(left)? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{FileType, Mode};
    use types::{ScriptPlace, ScriptPoint};

    use super::*;

    fn call(plugin: &str) -> ScriptCall {
        ScriptCall {
            plugin: plugin.to_owned(),
            point: ScriptPoint::PreDleBackup,
            place: ScriptPlace::Client,
            config: "daily".to_owned(),
            host: Some("web".parse().unwrap()),
            dle: Some("/srv".parse().unwrap()),
            device: Some(format::wire::WirePath(b"/srv".to_vec())),
            run: None,
            levels: vec![types::Level::FULL],
            properties: [("text".to_owned(), vec!["a b".to_owned()])].into(),
        }
    }

    /// A directory with a script of these lines of shell.
    fn script(lines: &str) -> (tempfile::TempDir, Vec<PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hook");
        let support = "[ \"$1\" = support ] && { echo 'EXECUTE-WHERE YES'; exit 0; }";
        fs::write(&path, format!("#!/bin/sh\n{support}\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let directories = vec![directory.path().to_owned()];
        (directory, directories)
    }

    #[test]
    fn a_script_hears_its_arguments_and_is_heard() {
        let lines = "echo \"$*\"; echo 'PROPERTY directory /snap'; echo careful >&2; exit 3";
        let (_directory, directories) = script(lines);
        let end = run(&call("hook"), &directories).unwrap();
        assert_eq!(end.code, Some(3));
        assert_eq!(end.properties["directory"], ["/snap"]);
        let said: Vec<(bool, &str)> =
            end.said.iter().map(|said| (said.complaint, said.text.as_str())).collect();
        let told = "PRE-DLE-BACKUP --execute-where client --config daily --host web --disk /srv --device /srv \
                    --level 0 --text a b";
        assert_eq!(said, [(false, told), (true, "careful")]);
    }

    #[test]
    fn a_script_that_says_too_much_does_not_stand_still() {
        let lines =
            "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; seq 1 99999";
        let (_directory, directories) = script(lines);
        let end = run(&call("hook"), &directories).unwrap();
        assert!(end.went_well());
        assert_eq!(end.said.len(), MOST_LINES);
    }

    #[test]
    fn what_a_script_leaves_running_is_not_waited_for() {
        let (directory, directories) =
            script("echo begun; (read word < \"$(dirname \"$0\")/fifo\"; echo late) & echo done");
        let fifo = directory.path().join("fifo");
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, mode, 0).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let running = std::thread::spawn(move || tell.send(run(&call("hook"), &directories)));
        // Only so that a run that waits is a failure, and not a test that never ends.
        let end = told.recv_timeout(std::time::Duration::from_secs(60));
        fs::write(&fifo, "go\n").unwrap();
        running.join().unwrap().unwrap();
        let end = end.expect("the run waits for what the script left").unwrap();
        assert!(end.went_well());
        let said: Vec<&str> = end.said.iter().map(|said| said.text.as_str()).collect();
        assert_eq!(said, ["begun", "done"]);
    }

    #[test]
    fn only_what_is_installed_is_run() {
        let (_directory, directories) = script("exit 0");
        for name in ["/bin/true", "../hook", "", ".", "-x", "a/b"] {
            let error = run(&call(name), &directories).unwrap_err();
            assert!(matches!(error, ScriptError::BadName(_)), "{name}: {error}");
        }
        let error = run(&call("other"), &directories).unwrap_err();
        assert!(matches!(error, ScriptError::Missing { .. }), "{error}");
        fs::set_permissions(directories[0].join("hook"), fs::Permissions::from_mode(0o644))
            .unwrap();
        assert!(matches!(run(&call("hook"), &directories), Err(ScriptError::Missing { .. })));
    }

    /// Amanda's own scripts, as Debian installs them.
    #[test]
    #[ignore = "needs amanda-client: buildbot/run runs it"]
    fn scripts_of_amanda_run_unmodified() {
        let directories = DIRECTORIES.map(PathBuf::from).to_vec();
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let properties = [
            ("logfile".to_owned(), vec![log.to_string_lossy().into_owned()]),
            ("text".to_owned(), vec!["hello".to_owned()]),
        ];
        let logged = ScriptCall {
            properties: properties.into(),
            run: Some("20260102030000".parse().unwrap()),
            ..call("amlog-script")
        };
        for (_, point) in ScriptPoint::WORDS {
            let end = run(&ScriptCall { point: *point, ..logged.clone() }, &directories).unwrap();
            assert!(end.went_well(), "{point}: {end:?}");
        }
        let text = fs::read_to_string(&log).unwrap();
        assert_eq!(text.lines().count(), ScriptPoint::WORDS.len(), "{text}");
        for (word, _) in ScriptPoint::WORDS {
            assert!(text.contains(&format!("{word} ")), "{word} is missing in {text}");
        }
        for told in ["daily", "client", "web", "/srv", "hello"] {
            assert!(text.contains(told), "{told} is missing in {text}");
        }
        let end = run(&call("script-fail"), &directories).unwrap();
        assert_eq!(end.code, Some(1));
        assert_eq!(end.said[0].text, "stderr error:  PRE-DLE-BACKUP");
        assert!(end.said[0].complaint);
    }
}
