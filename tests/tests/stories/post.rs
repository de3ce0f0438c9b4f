//! Mail that arrives in a pipe: whoever waits for a question reads it there, and sleeps until it comes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::programs::run;
use crate::site::{Scratch, Site};

/// The pipe, and a mailer that fills it.
pub(crate) struct Post {
    pipe: PathBuf,
    mailer: PathBuf,
}

impl Post {
    pub(crate) fn new(directory: &Path) -> Self {
        let post = Self { pipe: directory.join("mail"), mailer: directory.join("mailer") };
        run(Command::new("mkfifo").arg(&post.pipe)).good();
        let script = format!("#!/bin/sh\nexec cat > '{}'\n", post.pipe.display());
        fs::write(&post.mailer, script).unwrap();
        fs::set_permissions(&post.mailer, fs::Permissions::from_mode(0o755)).unwrap();
        post
    }

    /// What the configuration says of it, instead of `mailto = []`. Only questions are mailed.
    pub(crate) fn settings(&self) -> String {
        format!(
            "mailto = [\"operator@example.org\"]\nmailer = \"{}\"\nsend-amreport-on = \"never\"",
            self.mailer.display()
        )
    }

    /// The next mail, when it comes. A story whose mail does not come ends here, instead of never.
    pub(crate) fn next(&self) -> String {
        let mail = run(Command::new("timeout").args(["300", "cat"]).arg(&self.pipe)).good();
        mail.out.replace("=\n", "")
    }
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn a_mailer_that_hangs_keeps_no_run_waiting_and_a_signal_ends_it() {
    let scratch = Scratch::new();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree]);
    let post = Post::new(scratch.path());
    // It says who it is, and then nothing.
    let script = format!("#!/bin/sh\necho $$ > '{}'\nexec sleep 1000\n", post.pipe.display());
    fs::write(&post.mailer, script).unwrap();
    let settings = post.settings().replace("\"never\"", "\"all\"");
    site.configure(|text| text.replace("mailto = []", &settings));
    let mut night = site.start(&["flush"]);
    let mailer = Pid::from_raw(post.next().trim().parse().unwrap()).unwrap();
    site.say(&["cleanup"]).good();
    kill_process(Pid::from_raw(night.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(night.wait().unwrap().signal(), Some(15));
    kill_process(mailer, Signal::KILL).unwrap();
}
