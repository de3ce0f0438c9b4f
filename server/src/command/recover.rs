//! `recover`: the shell in which one looks around in any day, chooses, and extracts.
//!
//! At a terminal it asks for a line, completes names, and goes on after whatever went wrong. Without one it
//! reads commands from standard input; what fails is told with its line, the rest is done all the same, and
//! the exit code says that something failed.

use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::rc::Rc;

use format::wire::Existing;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Editor, Helper};
use taper::catalogue::Catalogue;
use types::Bytes;

use super::restore::{self, Goal};
use super::{Context, Exit, Misuse};
use crate::cli::Recover;
use crate::night::estimate::with_causes;
use crate::print;
use crate::restore::shell::complete::complete;
use crate::restore::shell::language::Command;
use crate::restore::shell::state::{Answer, Archive, Shell, ShellError, Then};
use crate::site::Site;

pub(super) fn run(context: &Context, arguments: &Recover) -> anyhow::Result<Exit> {
    if context.json {
        let why = "recover is a conversation, and has no --json: `find`, `diff` and `list` have";
        return Err(Misuse(why.to_owned()).into());
    }
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let known = restore::known_dles(&site, &catalogue)?;
    let roots = known.into_iter().map(|dle| (dle.clone(), restore::root_of(&site, &dle)));
    let archive = Archive {
        catalogue: &catalogue,
        indexdir: &site.config.site.indexdir,
        dles: roots.collect(),
    };
    let mut shell = Shell::new(archive, std::env::current_dir()?)?;
    begin(&mut shell, arguments)?;
    let shell = Rc::new(RefCell::new(shell));
    let session = Session { context, site: &site, catalogue: &catalogue, shell };
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        session.person()
    } else {
        session.script(io::stdin().lock())
    }
}

/// Goes where the command line says, or where there is no choice.
fn begin(shell: &mut Shell<'_>, arguments: &Recover) -> anyhow::Result<()> {
    let named = [
        arguments.day.clone().map(|day| Command::SetDate(Some(day))),
        arguments.host.clone().map(Command::SetHost),
        arguments.dle.clone().map(Command::SetDisk),
    ];
    for command in named.into_iter().flatten() {
        // The DLE of a host that has no other may be one that was named all the same.
        let answer = shell.apply(command).map_err(|error| match error {
            error @ (ShellError::View(_) | ShellError::Index(_) | ShellError::Catalogue(_)) => {
                anyhow::Error::from(error)
            }
            other => Misuse(with_causes(&other)).into(),
        })?;
        print::text(&answer.text)?;
    }
    match shell.settle() {
        Ok(answer) => print::text(&answer.text)?,
        Err(error) => print::remark(&with_causes(&error)),
    }
    Ok(())
}

/// What a line came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// The line could not be carried out.
    Refused,
    /// Not everything was extracted.
    NotExtracted,
    Quit,
}

struct Session<'a> {
    context: &'a Context,
    site: &'a Site,
    catalogue: &'a Catalogue,
    shell: Rc<RefCell<Shell<'a>>>,
}

impl Session<'_> {
    /// Carries out lines that nobody types.
    fn script(&self, mut lines: impl BufRead) -> anyhow::Result<Exit> {
        let mut exit = Exit::Good;
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let about = format!("line {number}: ");
            match self.line(&line, &about, &mut |_| Ok(true))? {
                Outcome::Done => {}
                Outcome::Refused | Outcome::NotExtracted => exit = Exit::Complaints,
                Outcome::Quit => break,
            }
        }
        Ok(exit)
    }

    /// Asks a person for lines.
    fn person(&self) -> anyhow::Result<Exit> {
        let config = rustyline::Config::builder().completion_type(CompletionType::List).build();
        let mut editor: Editor<Completion<'_>, DefaultHistory> = Editor::with_config(config)?;
        editor.set_helper(Some(Completion(self.shell.clone())));
        print::remark("`help` lists the commands, Tab completes names, quit leaves");
        let mut exit = Exit::Good;
        loop {
            let line = match editor.readline("reelkeep> ") {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(error.into()),
            };
            if !line.trim().is_empty() {
                editor.add_history_entry(line.as_str())?;
            }
            let mut ask = |question: &str| match editor.readline(question) {
                Ok(answer) => Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str())),
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => Ok(false),
                Err(error) => Err(error.into()),
            };
            match self.line(line.as_bytes(), "", &mut ask)? {
                Outcome::Done | Outcome::Refused => {}
                Outcome::NotExtracted => exit = Exit::Complaints,
                Outcome::Quit => break,
            }
        }
        Ok(exit)
    }

    /// Carries out a line, and tells what came of it.
    fn line(
        &self,
        line: &[u8],
        about: &str,
        ask: &mut dyn FnMut(&str) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Outcome> {
        // What was asked for ends here, so that the completion may look at the shell again.
        let answered = self.shell.borrow_mut().line(line);
        match answered {
            Ok(Answer { text, then }) => {
                print::text(&text)?;
                match then {
                    Then::Next => Ok(Outcome::Done),
                    Then::Quit => Ok(Outcome::Quit),
                    Then::Extract(target) => Ok(self.extract(&target, about, ask)),
                }
            }
            Err(error) => {
                print::remark(&format!("{about}{}", with_causes(&error)));
                Ok(Outcome::Refused)
            }
        }
    }

    fn extract(
        &self,
        target: &Path,
        about: &str,
        ask: &mut dyn FnMut(&str) -> anyhow::Result<bool>,
    ) -> Outcome {
        match self.try_extract(target, ask) {
            Ok(Some(Exit::Good)) => {
                self.shell.borrow_mut().extracted();
                Outcome::Done
            }
            Ok(Some(_)) => Outcome::NotExtracted,
            Ok(None) => {
                print::remark("nothing was extracted");
                Outcome::Done
            }
            Err(error) => {
                print::remark(&format!("{about}{error:#}"));
                Outcome::NotExtracted
            }
        }
    }

    /// None if the person would rather not.
    fn try_extract(
        &self,
        target: &Path,
        ask: &mut dyn FnMut(&str) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Option<Exit>> {
        let shell = self.shell.borrow();
        let place = shell.place().ok_or(ShellError::NoPlace)?;
        let wish = place.wish();
        let measure = wish.measure()?;
        let question = format!(
            "{} entries ({}) to {}; what has the same names there is replaced. Go on? [y/n] ",
            measure.entries,
            Bytes(measure.bytes),
            target.display()
        );
        if !ask(&question)? {
            return Ok(None);
        }
        let goal = Goal { target, existing: Existing::Replace };
        restore::extract(self.context, self.site, self.catalogue, &wish, &measure, &goal).map(Some)
    }
}

/// What Tab asks.
struct Completion<'a>(Rc<RefCell<Shell<'a>>>);

impl Completer for Completion<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.0.borrow(), &line[..at]))
    }
}

impl Hinter for Completion<'_> {
    type Hint = String;
}

impl Highlighter for Completion<'_> {}
impl Validator for Completion<'_> {}
impl Helper for Completion<'_> {}
