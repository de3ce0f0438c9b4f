//! A site of our own in a scratch directory: its configuration, its volumes, its nights.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{Said, built, run};
use crate::trees::Manifest;

/// A directory for one story, gone when it ends well and left for a look when it does not.
pub(crate) struct Scratch(Option<TempDir>);

impl Scratch {
    pub(crate) fn new() -> Self {
        fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self(Some(TempDir::with_prefix_in("story-", env!("CARGO_TARGET_TMPDIR")).unwrap()))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.0.take().unwrap().keep();
            eprintln!("the story's files are left in {}", kept.display());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process is looked at until it has done something"
)]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(10));
}

/// A dump, as `list dumps` tells it.
#[derive(Clone, Debug)]
pub(crate) struct Dump {
    pub(crate) id: String,
    pub(crate) base: Option<String>,
    pub(crate) run: String,
    pub(crate) dle: String,
    pub(crate) level: u64,
    pub(crate) restorable: bool,
}

/// A site.
pub(crate) struct Site {
    directory: PathBuf,
}

impl Site {
    /// Made by `quickstart`, with nothing run yet. `how` are more options of quickstart.
    pub(crate) fn new(directory: &Path, how: &[&str], trees: &[&Path]) -> Self {
        let mut command = Command::new(built("reelkeep"));
        command.args(["quickstart", "--no-run", "--dir"]).arg(directory).args(how).args(trees);
        run(&mut command).good();
        Self::at(directory)
    }

    /// One that is there already.
    pub(crate) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    /// `reelkeep -c SITE …`, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(&built("reelkeep"), arguments)
    }

    /// The same with another program.
    pub(crate) fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(&self.directory).args(arguments).env("RUST_BACKTRACE", "1");
        command
    }

    /// `reelkeep -c SITE …`, to its end.
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    /// The same at some time of the clock. What lies in the files' times stays true, so it has to be in years to come.
    pub(crate) fn say_at(&self, time: &str, arguments: &[&str]) -> Said {
        run(&mut self.command_at(time, arguments))
    }

    /// The same, not yet run.
    pub(crate) fn command_at(&self, time: &str, arguments: &[&str]) -> Command {
        let ours = self.command(arguments);
        let mut command = Command::new("faketime");
        // Times of files stay what they are, and how long something takes is not the clock's business.
        command.env("NO_FAKE_STAT", "1").args(["--exclude-monotonic", time]);
        command.arg(ours.get_program()).args(ours.get_args());
        command
    }

    /// What a command prints with `--json` at some time of the clock.
    pub(crate) fn json_at(&self, time: &str, arguments: &[&str]) -> Value {
        let arguments = [&["--json"], arguments].concat();
        serde_json::from_str(&self.say_at(time, &arguments).good().out).unwrap()
    }

    /// `reelkeep -c SITE …`, started, in a process group of its own, silent.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        Self::start_command(self.command(arguments))
    }

    /// The same with a command that was made before.
    pub(crate) fn start_command(mut command: Command) -> Child {
        use std::os::unix::process::CommandExt;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().unwrap()
    }

    /// What a command prints with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [&["--json"], arguments].concat();
        serde_json::from_str(&self.say(&arguments).good().out).unwrap()
    }

    /// A night; gives its stamp.
    pub(crate) fn night(&self) -> String {
        self.say(&["dump"]).good();
        self.runs().pop().unwrap()
    }

    /// Waits until the log of the newest run has a line with all these words.
    #[track_caller]
    pub(crate) fn wait_for(&self, words: &[&str]) {
        for _ in 0..6000 {
            let logs = fs::read_dir(self.directory.join("log")).into_iter().flatten().flatten();
            let logs = logs
                .map(|entry| entry.path())
                .filter(|path| path.extension() == Some("jsonl".as_ref()));
            let newest =
                logs.max().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
            if newest.lines().any(|line| words.iter().all(|word| line.contains(word))) {
                return;
            }
            pause();
        }
        panic!("the run never said {words:?}");
    }

    /// The stamps of all runs, oldest first.
    pub(crate) fn runs(&self) -> Vec<String> {
        let listed = self.json(&["list", "runs"]);
        let mut stamps: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["run"].as_str().unwrap().to_owned())
            .collect();
        stamps.sort();
        stamps
    }

    /// All dumps, oldest first.
    pub(crate) fn dumps(&self) -> Vec<Dump> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let listed = self.json(&["list", "dumps"]);
        let mut dumps: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|dump| Dump {
                id: text(&dump["dump"]),
                base: dump["base"].as_str().map(str::to_owned),
                run: text(&dump["run"]),
                dle: text(&dump["dle"]),
                level: dump["level"].as_u64().unwrap(),
                restorable: dump["restorable"].as_bool().unwrap(),
            })
            .collect();
        dumps.sort_by(|a, b| (&a.run, &a.dle).cmp(&(&b.run, &b.dle)));
        dumps
    }

    /// The dumps that make up a DLE as of a run, level 0 first.
    pub(crate) fn chain(&self, dle: &str, run: &str) -> Vec<Dump> {
        let dumps = self.dumps();
        let mut chain = Vec::new();
        let mut next = dumps.iter().rfind(|dump| dump.dle == dle && dump.run.as_str() <= run);
        while let Some(dump) = next {
            chain.insert(0, dump.clone());
            next = dump.base.as_ref().and_then(|base| dumps.iter().find(|dump| dump.id == *base));
        }
        chain
    }

    /// Restores a whole DLE as of a day into a directory.
    pub(crate) fn restore(&self, dle: &Path, day: &str, to: &Path) -> Said {
        let [dle, to] = [dle, to].map(|path| path.to_str().unwrap());
        self.say(&["restore", "--dle", dle, "--day", day, "--to", to])
    }

    /// Restores a whole DLE as of a day, and panics unless it is what the manifest says. The restored tree is removed.
    #[track_caller]
    pub(crate) fn expect_restores(&self, dle: &Path, day: &str, was: &Manifest) {
        let to = self.directory.with_extension("restored");
        if to.exists() {
            fs::remove_dir_all(&to).unwrap();
        }
        self.restore(dle, day, &to).good();
        was.expect(&Manifest::of(&to), &format!("{} as of {day}", dle.display()));
        fs::remove_dir_all(&to).unwrap();
    }

    /// Changes the configuration: what `change` makes of its text.
    pub(crate) fn configure(&self, change: impl Fn(&str) -> String) {
        let path = self.directory.join("reelkeep.toml");
        let before = fs::read_to_string(&path).unwrap();
        let after = change(&before);
        assert_ne!(before, after, "the change of the configuration changes nothing");
        fs::write(&path, after).unwrap();
    }
}
