//! The board: where a question stands for everybody on this machine, and where an answer is left.
//!
//! ```text
//!  SITE/operator/wanted    held by the process that waits, with the question in it
//!                answer    loaded, skip or quit; an empty file means loaded. Whoever waits takes it away
//! ```
//!
//! `reelkeep library loaded` leaves an answer, and so does `touch`. A question ends with its process: the file is
//! locked, and who finds it unlocked finds nobody waiting.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Answer;
use crate::lock::{LockError, RunLock};

/// The board of a site.
#[derive(Debug)]
pub struct Board {
    directory: PathBuf,
    question: Option<RunLock>,
}

/// Why the board could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// Nobody waits.
    #[error("nothing waits for a volume now")]
    NobodyWaits,
    /// Another process asks.
    #[error(transparent)]
    Asked(#[from] LockError),
    /// The system.
    #[error("could not use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// No answer is longer.
const LONGEST: u64 = 64;

impl Board {
    /// The board in this directory, which is made when there is something to put up.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), question: None }
    }

    /// Puts up a question. Answers to earlier ones go.
    pub fn put_up(&mut self, question: &str) -> Result<(), BoardError> {
        fs::create_dir_all(&self.directory).map_err(failed(&self.directory))?;
        self.question = None;
        self.question = Some(RunLock::take(&self.wanted(), question)?);
        self.take_answer().map(drop)
    }

    /// Takes the question down.
    pub fn take_down(&mut self) {
        self.question = None;
    }

    /// The question that stands.
    pub fn question(&self) -> Option<String> {
        RunLock::holder(&self.wanted())
    }

    /// Takes the answer away, if there is one.
    pub fn take_answer(&self) -> Result<Answer, BoardError> {
        let path = self.answer_path();
        let file = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Answer::None),
            file => file.map_err(failed(&path))?,
        };
        let mut word = Vec::new();
        file.take(LONGEST).read_to_end(&mut word).map_err(failed(&path))?;
        fs::remove_file(&path).map_err(failed(&path))?;
        Ok(read(&String::from_utf8_lossy(&word)).unwrap_or(Answer::None))
    }

    /// Leaves an answer for whoever waits, and says what was asked.
    pub fn answer(&self, answer: Answer) -> Result<String, BoardError> {
        let question = self.question().ok_or(BoardError::NobodyWaits)?;
        let (path, new) = (self.answer_path(), self.directory.join("answer.new"));
        fs::write(&new, word(answer)).map_err(failed(&new))?;
        fs::rename(&new, &path).map_err(failed(&path))?;
        Ok(question)
    }

    fn wanted(&self) -> PathBuf {
        self.directory.join("wanted")
    }

    fn answer_path(&self) -> PathBuf {
        self.directory.join("answer")
    }
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Loaded | Answer::None => "loaded\n",
        Answer::Skip => "skip\n",
        Answer::GiveUp => "quit\n",
    }
}

/// What a person means who writes this, if it means anything.
pub(super) fn read(text: &str) -> Option<Answer> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "loaded" | "l" => Some(Answer::Loaded),
        "skip" | "s" => Some(Answer::Skip),
        "quit" | "q" => Some(Answer::GiveUp),
        _ => None,
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BoardError {
    let path = path.to_owned();
    move |source| BoardError::Io { path, source }
}
