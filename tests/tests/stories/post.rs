//! Mail that arrives in a pipe: whoever waits for a question reads it there, and sleeps until it comes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::run;

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
