//! The commands of the shell, which are amrecover's, and how a line says one.

use super::words::{self, BadLine, Word};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Look at DLEs of this host.
    SetHost(String),
    /// Look at this DLE.
    SetDisk(String),
    /// Which hosts there are.
    ListHost,
    /// Which DLEs there are.
    ListDisk,
    /// Look at the state of a day; the newest without.
    SetDate(Option<String>),
    /// Which dumps there are of the DLE.
    History,
    /// Which day is looked at.
    Date,
    /// Go to a directory; to the DLE's root without.
    Cd(Option<Word>),
    /// Go to the directory whose name fits.
    CdExpression(String),
    /// Which directory it is.
    Pwd,
    /// Choose where to extract to.
    LocalCd(Word),
    /// Where to.
    LocalPwd,
    /// What there is.
    Ls {
        /// How much is said of each entry.
        form: Form,
        /// Of what; of this directory without.
        what: Vec<Word>,
    },
    /// Choose.
    Add(Vec<Word>),
    /// Choose names that fit.
    AddExpression(Vec<String>),
    /// Leave out.
    Delete(Vec<Word>),
    /// Leave out names that fit.
    DeleteExpression(Vec<String>),
    /// What is chosen.
    List,
    /// Choose nothing.
    Clear,
    /// What would be read.
    Plan,
    /// Extract; to another directory than the local one, if it is named.
    Extract(Option<Word>),
    /// Amanda's choice of a changer, which is not needed here.
    SetTape,
    /// What can be said; of one command, if it is named.
    Help(Option<String>),
    /// Leave.
    Quit,
}

/// How much `ls` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The date of the dump, its level, the name.
    Short,
    /// Permissions, owner, size and time as well.
    Long,
}

/// Why a line is no command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCommand {
    /// It can't be taken apart.
    #[error(transparent)]
    Line(#[from] BadLine),
    /// There is no such command.
    #[error("there is no command {0:?}: `help` lists those there are")]
    Unknown(String),
    /// It wants other words.
    #[error("usage: {0}")]
    Usage(&'static str),
}

/// A command, for `help` and for completion.
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// Its name, and what follows it.
    pub usage: &'static str,
    /// What follows it.
    pub takes: Takes,
    /// What it does; other names of commands have nothing here.
    pub about: &'static str,
}

/// What kind of words follow a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// None that can be completed.
    Nothing,
    /// A host.
    Host,
    /// A DLE.
    Disk,
    /// A day.
    Day,
    /// A directory of the DLE.
    Directory,
    /// Entries of the DLE.
    Entries,
    /// A directory on this machine.
    Local,
    /// A command.
    Verb,
}

const fn verb(name: &'static str, takes: Takes, usage: &'static str, about: &'static str) -> Verb {
    Verb { name, usage, takes, about }
}

/// Every command there is.
pub const VERBS: &[Verb] = &[
    verb("listhost", Takes::Nothing, "listhost", "the hosts there are"),
    verb("sethost", Takes::Host, "sethost HOST", "look at DLEs of this host"),
    verb("listdisk", Takes::Nothing, "listdisk", "the DLEs there are, of the host if one is set"),
    verb("setdisk", Takes::Disk, "setdisk DLE", "look at this DLE (or setdle)"),
    verb("setdle", Takes::Disk, "setdle DLE", ""),
    verb("history", Takes::Nothing, "history", "the dumps of the DLE, and where they are"),
    verb(
        "setdate",
        Takes::Day,
        "setdate [WHEN]",
        "look at a day, 2026-11-23 or --23; the newest without",
    ),
    verb("date", Takes::Nothing, "date", "the day that is looked at"),
    verb(
        "ls",
        Takes::Entries,
        "ls [-l] [PATH…]",
        "what a directory has, and from which dump (or dir)",
    ),
    verb("dir", Takes::Entries, "dir [-l] [PATH…]", ""),
    verb("cd", Takes::Directory, "cd [PATH]", "go to a directory of the DLE; to its root without"),
    verb("cdx", Takes::Nothing, "cdx REGEX", "go to the directory whose name fits"),
    verb("pwd", Takes::Nothing, "pwd", "the directory of the DLE"),
    verb("add", Takes::Entries, "add PATH…", "choose entries, with all below them: add *.c, add ."),
    verb("addx", Takes::Nothing, "addx REGEX…", "choose entries of this directory whose names fit"),
    verb("delete", Takes::Entries, "delete PATH…", "take entries off the extract list"),
    verb("deletex", Takes::Nothing, "deletex REGEX…", "take those off whose names fit"),
    verb("list", Takes::Nothing, "list", "the extract list: what is chosen"),
    verb("clear", Takes::Nothing, "clear", "choose nothing"),
    verb("plan", Takes::Nothing, "plan", "what would be read, and from where"),
    verb("lcd", Takes::Local, "lcd DIR", "choose the directory on this machine to extract to"),
    verb("lpwd", Takes::Nothing, "lpwd", "the directory on this machine"),
    verb("extract", Takes::Local, "extract [DIR]", "extract what is chosen"),
    verb("settape", Takes::Nothing, "settape …", ""),
    verb("help", Takes::Verb, "help [COMMAND]", "this list"),
    verb("?", Takes::Nothing, "?", ""),
    verb("quit", Takes::Nothing, "quit", "leave (or exit)"),
    verb("exit", Takes::Nothing, "exit", ""),
];

/// The command of a line; nothing for an empty one, or a comment behind `#`.
pub fn parse(line: &[u8]) -> Result<Option<Command>, NoCommand> {
    let line = line.trim_ascii();
    if line.is_empty() || line[0] == b'#' {
        return Ok(None);
    }
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        return Err(NoCommand::Unknown(name));
    };
    command(verb, rest).map(Some)
}

fn command(verb: &Verb, rest: &[u8]) -> Result<Command, NoCommand> {
    let usage = NoCommand::Usage(verb.usage);
    if ["cdx", "addx", "deletex"].contains(&verb.name) {
        return of_expressions(verb.name, words::split_raw(rest)?).ok_or(usage);
    }
    let given = words::split(rest)?;
    let command = match (verb.name, given.as_slice()) {
        ("sethost", [host]) => Command::SetHost(host.text()),
        ("setdisk" | "setdle", [disk]) => Command::SetDisk(disk.text()),
        ("listhost", []) => Command::ListHost,
        ("listdisk", []) => Command::ListDisk,
        ("setdate", []) => Command::SetDate(None),
        ("setdate", [day]) => Command::SetDate(Some(day.text())),
        ("setdate", [day, time]) => {
            Command::SetDate(Some(format!("{} {}", day.text(), time.text())))
        }
        ("history", []) => Command::History,
        ("date", []) => Command::Date,
        ("cd", []) => Command::Cd(None),
        ("cd", [path]) => Command::Cd(Some(path.clone())),
        ("pwd", []) => Command::Pwd,
        ("lcd", [path]) => Command::LocalCd(path.clone()),
        ("lpwd", []) => Command::LocalPwd,
        ("ls" | "dir", [flag, what @ ..]) if flag.text() == "-l" => {
            Command::Ls { form: Form::Long, what: what.to_vec() }
        }
        ("ls" | "dir", what) => Command::Ls { form: Form::Short, what: what.to_vec() },
        ("add", [_, ..]) => Command::Add(given),
        ("delete", [_, ..]) => Command::Delete(given),
        ("list", []) => Command::List,
        ("clear", []) => Command::Clear,
        ("plan", []) => Command::Plan,
        ("extract", []) => Command::Extract(None),
        ("extract", [path]) => Command::Extract(Some(path.clone())),
        ("settape", _) => Command::SetTape,
        ("help" | "?", []) => Command::Help(None),
        ("help" | "?", [name]) => Command::Help(Some(name.text())),
        ("quit" | "exit", []) => Command::Quit,
        _ => return Err(usage),
    };
    Ok(command)
}

/// A command of regular expressions, if that is one.
fn of_expressions(name: &str, given: Vec<String>) -> Option<Command> {
    match (name, given.as_slice()) {
        ("cdx", [one]) => Some(Command::CdExpression(one.clone())),
        ("addx", [_, ..]) => Some(Command::AddExpression(given)),
        ("deletex", [_, ..]) => Some(Command::DeleteExpression(given)),
        _ => None,
    }
}

/// What `help` says.
pub fn help(of: Option<&str>) -> Result<String, NoCommand> {
    let name = |verb: &&Verb| of.is_none_or(|name| verb.name == name);
    let verbs: Vec<&Verb> = VERBS.iter().filter(name).collect();
    if let (Some(of), []) = (of, verbs.as_slice()) {
        return Err(NoCommand::Unknown(of.to_owned()));
    }
    let told = verbs.iter().filter(|verb| of.is_some() || !verb.about.is_empty());
    let line =
        |verb: &&Verb| format!("{:<18}{}", verb.usage, verb.about).trim_end().to_owned() + "\n";
    let mut out: String = told.map(line).collect();
    if of.is_none() {
        out.push_str("Names are written as ls shows them; \"…\" or \\ before a sign lets it stand for itself.\n");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Command {
        parse(line.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn every_command_can_be_said() {
        for verb in VERBS {
            let words = match verb.usage.split(' ').nth(1) {
                Some(word) if !word.starts_with('[') => " a",
                _ => "",
            };
            assert!(parse(format!("{}{words}", verb.name).as_bytes()).is_ok(), "{}", verb.usage);
        }
    }

    #[test]
    fn wrong_words_are_answered_with_the_right_ones() {
        for line in ["cd a b", "add", "addx", "cdx a b", "sethost", "pwd x", "lcd"] {
            assert!(matches!(parse(line.as_bytes()), Err(NoCommand::Usage(_))), "{line}");
        }
        assert_eq!(parse(b"frob x"), Err(NoCommand::Unknown("frob".to_owned())));
        assert!(help(Some("frob")).is_err());
    }

    #[test]
    fn expressions_keep_their_backslashes_and_paths_do_not() {
        assert_eq!(parsed(r"addx .*\.c"), Command::AddExpression(vec![r".*\.c".to_owned()]));
        let Command::Add(words) = parsed(r"add a\ b") else { panic!("add") };
        assert_eq!(words[0].text(), "a b");
    }

    #[test]
    fn nothing_and_comments_ask_for_nothing() {
        assert_eq!(parse(b"  "), Ok(None));
        assert_eq!(parse(b"# cd x"), Ok(None));
        assert_eq!(parsed("LS"), parsed("ls"));
    }

    #[test]
    fn a_day_may_be_two_words() {
        assert_eq!(
            parsed("setdate 2026-11-23 02:00"),
            Command::SetDate(Some("2026-11-23 02:00".to_owned()))
        );
    }
}
