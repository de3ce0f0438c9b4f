//! Running programs, ours and others, and keeping what they said.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The directory that this test's own programs were built into.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build -p server -p client` first",
        path.display()
    );
    path
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Whether the stories take their long form.
pub(crate) fn long() -> bool {
    std::env::var_os("REELKEEP_LONG").is_some_and(|value| value != "0")
}

/// A command, what it said, and how it ended.
pub(crate) struct Said {
    command: String,
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Said {
    fn new(command: String, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            command,
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Panics with everything that was said unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The same for exit code 0.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        self.expect(0)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\nended with {:?}\n--- out\n{}--- err\n{}",
            self.command, self.code, self.out, self.err
        )
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output();
    Said::new(format!("{command:?}"), output.unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// Runs a line of shell in a directory. The shell stops at the first program of a pipe that fails.
pub(crate) fn shell(directory: &Path, line: &str) -> Said {
    run(Command::new("bash").args(["-o", "pipefail", "-c", line]).current_dir(directory))
}

/// Runs one of the generators in `tests/gen`.
pub(crate) fn generator<S: AsRef<OsStr>>(
    name: &str,
    arguments: impl IntoIterator<Item = S>,
) -> String {
    let script = root().join("tests/gen").join(name);
    run(Command::new("python3").arg(script).args(arguments)).good().out
}
