//! Amanda's names for the program.
//!
//! Called under one of them (`amdump`, `amcheck`, …), the program takes the configuration first, as Amanda does, and
//! behaves as the command of ours that does the same. The arguments are those of Amanda's manual pages (3.5). What has
//! no counterpart here is refused: nothing is left out that would have changed what happens.
//!
//! A name is served if a line as it stands in a crontab, or in somebody's fingers, means the same here.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::Cli;

/// What an option of Amanda's becomes.
#[derive(Clone, Copy)]
enum Becomes {
    /// What happens here anyway.
    Nothing,
    /// This option.
    Flag(&'static str),
    /// This option, with the value that Amanda's has.
    Value(&'static str),
}

use Becomes::{Flag, Nothing, Value};

/// A program of Amanda's.
struct Program {
    name: &'static str,
    /// The options that are served, beside those that are written alike.
    options: &'static [(&'static str, Becomes)],
    /// The command, and what becomes of the words behind the configuration.
    command: Command,
}

enum Command {
    /// This one, with the words as they are.
    Plain(&'static [&'static str]),
    /// The first word is a command of its own.
    Sub(&'static [(&'static str, &'static [&'static str], Words)]),
    /// `[LABEL] [slot SLOT]`.
    Label,
    /// `HOST [DISK [DATE [LEVEL]]]`.
    Fetch,
}

/// What becomes of the words behind a command of a program's.
#[derive(Clone, Copy)]
enum Words {
    Same,
    /// `[DRIVE]`.
    Drive,
    /// `SLOT [drive DRIVE]`.
    Slot,
}

const PROGRAMS: &[Program] = &[
    Program { name: "amdump", options: &[], command: Command::Plain(&["dump"]) },
    Program {
        name: "amcheck",
        // All of it is looked at.
        options: &[("-s", Nothing), ("-c", Nothing), ("-l", Nothing), ("-t", Nothing)],
        command: Command::Plain(&["check"]),
    },
    Program {
        name: "amflush",
        // It never asks, and stays in the foreground.
        options: &[("-b", Nothing), ("-f", Nothing), ("-s", Nothing)],
        command: Command::Plain(&["flush"]),
    },
    Program {
        name: "amstatus",
        options: &[
            ("--config", Nothing),
            ("--detail", Nothing),
            ("--summary", Nothing),
            ("--stats", Nothing),
        ],
        command: Command::Plain(&["status"]),
    },
    Program { name: "amreport", options: &[], command: Command::Plain(&["report"]) },
    Program {
        name: "amrecover",
        options: &[("-C", Nothing), ("-h", Value("--host"))],
        command: Command::Plain(&["recover"]),
    },
    Program {
        name: "amfetchdump",
        options: &[
            ("-p", Flag("--raw")),
            ("-a", Nothing),
            ("--no-decompress", Nothing),
            ("--exact-match", Nothing),
            ("--extract", Nothing),
            ("--target", Value("--to")),
        ],
        command: Command::Fetch,
    },
    Program { name: "amcheckdump", options: &[], command: Command::Plain(&["verify"]) },
    Program {
        name: "amlabel",
        options: &[
            ("-f", Flag("--force")),
            ("--barcode", Value("--barcode")),
            ("--storage", Value("--storage")),
        ],
        command: Command::Label,
    },
    Program {
        name: "amcleanup",
        // Beside a run that is at work nothing is tidied up.
        options: &[("-p", Nothing)],
        command: Command::Plain(&["cleanup"]),
    },
    Program {
        name: "amtape",
        options: &[],
        command: Command::Sub(&[
            ("inventory", &["library", "show"], Words::Same),
            ("show", &["library", "inventory", "--read", "--all"], Words::Same),
            ("update", &["library", "inventory", "--read", "--all"], Words::Same),
            ("slot", &["library", "load"], Words::Slot),
            ("eject", &["library", "unload"], Words::Drive),
            ("clean", &["library", "clean"], Words::Same),
            ("verify", &["library", "verify-drives"], Words::Same),
        ]),
    },
    Program {
        name: "amadmin",
        options: &[],
        command: Command::Sub(&[
            ("force", &["force"], Words::Same),
            ("force-level-1", &["force-level1"], Words::Same),
            ("unforce", &["unforce"], Words::Same),
            ("force-bump", &["bump"], Words::Same),
            ("force-no-bump", &["no-bump"], Words::Same),
            ("unforce-bump", &["unforce"], Words::Same),
            ("find", &["list", "dumps"], Words::Same),
            ("disklist", &["list", "dles"], Words::Same),
            ("balance", &["plan"], Words::Same),
            ("due", &["plan"], Words::Same),
            ("tape", &["plan", "--volumes"], Words::Same),
            ("retention", &["volume", "explain"], Words::Same),
            ("no-reuse", &["volume", "lock"], Words::Same),
            ("reuse", &["volume", "unlock"], Words::Same),
        ]),
    },
];

/// The command line with Amanda's names put into ours: `amdump CONFIG HOST` becomes
/// `reelkeep --config CONFIG dump HOST`.
///
/// # Errors
///
/// A command line that is right for Amanda, and means nothing here.
pub fn arguments(given: impl Iterator<Item = OsString>) -> Result<Vec<OsString>, clap::Error> {
    let mut given: Vec<OsString> = given.collect();
    let called =
        given.first().and_then(|path| Path::new(path).file_name()).and_then(|name| name.to_str());
    let Some(program) = PROGRAMS.iter().find(|program| Some(program.name) == called) else {
        return Ok(given);
    };
    program.in_ours(given.split_off(1)).map_err(|why| {
        let text = format!("{}: {why} (see \"Coming from Amanda\" in the manual)", program.name);
        Cli::command().error(ErrorKind::UnknownArgument, text)
    })
}

impl Program {
    fn in_ours(&self, given: Vec<OsString>) -> Result<Vec<OsString>, String> {
        let (options, mut words) = self.sorted(given)?;
        let mut ours: Vec<OsString> = vec!["reelkeep".into()];
        if !words.is_empty() {
            ours.extend(["--config".into(), words.remove(0)]);
        }
        ours.extend(self.command.in_ours(words)?);
        ours.extend(options);
        if matches!(self.command, Command::Fetch) && !says_where_to(&ours) {
            return Err("say -p for the image on standard output, or --extract --target DIR".into());
        }
        Ok(ours)
    }

    /// The options, as ours, and the other words.
    fn sorted(&self, given: Vec<OsString>) -> Result<(Vec<OsString>, Vec<OsString>), String> {
        let (mut options, mut words) = (Vec::new(), Vec::new());
        let mut given = given.into_iter();
        while let Some(word) = given.next() {
            let Some(text) = word.to_str().filter(|text| text.starts_with('-')) else {
                words.push(word);
                continue;
            };
            let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v)));
            match self.becomes(name) {
                Some(Nothing) => {}
                Some(Flag(ours)) => options.push(ours.into()),
                Some(Value(ours)) => {
                    let value = value.map(OsString::from).or_else(|| given.next());
                    let value = value.ok_or_else(|| format!("{name} needs a value"))?;
                    options.extend([ours.into(), value]);
                }
                None if text.starts_with("--") || text == "-v" => options.push(word),
                None => options.extend(self.flags(text)?.into_iter().map(OsString::from)),
            }
        }
        Ok((options, words))
    }

    fn becomes(&self, option: &str) -> Option<Becomes> {
        self.options.iter().find(|(theirs, _)| *theirs == option).map(|(_, becomes)| *becomes)
    }

    /// Single letters that were written as one word.
    fn flags(&self, letters: &str) -> Result<Vec<&'static str>, String> {
        let mut ours = Vec::new();
        for letter in letters.chars().skip(1) {
            match self.becomes(&format!("-{letter}")) {
                Some(Nothing) => {}
                Some(Flag(flag)) => ours.push(flag),
                Some(Value(_)) | None => return Err(format!("nothing here stands for {letters}")),
            }
        }
        Ok(ours)
    }
}

/// Whether it is said what becomes of a dump that is fetched. Amanda writes its image to a file in the current directory, and a
/// restore to there, which replaces what is there, would be something else.
fn says_where_to(ours: &[OsString]) -> bool {
    ours.iter().any(|word| word == "--raw" || word == "--to" || word == "--help")
}

impl Command {
    fn in_ours(&self, mut words: Vec<OsString>) -> Result<Vec<OsString>, String> {
        match self {
            Self::Plain(command) => Ok(joined(command, words)),
            Self::Label => {
                if let [.., slot, _] = words.as_mut_slice()
                    && slot == "slot"
                {
                    *slot = "--slot".into();
                }
                Ok(joined(&["label"], words))
            }
            Self::Fetch => fetched(words),
            Self::Sub(commands) => {
                if words.is_empty() {
                    return Err("say what is to be done".to_owned());
                }
                let first = words.remove(0);
                let Some((_, command, rest)) =
                    commands.iter().find(|(theirs, ..)| first == *theirs)
                else {
                    return Err(format!("nothing here stands for {}", first.to_string_lossy()));
                };
                Ok(joined(command, rest.in_ours(words)))
            }
        }
    }
}

impl Words {
    fn in_ours(self, mut words: Vec<OsString>) -> Vec<OsString> {
        match (self, words.as_slice()) {
            (Self::Drive, [_]) => words.insert(0, "--drive".into()),
            (Self::Slot, [_, drive, _]) if drive == "drive" => words[1] = "--drive".into(),
            _ => {}
        }
        words
    }
}

fn joined(command: &[&str], words: Vec<OsString>) -> Vec<OsString> {
    command.iter().map(OsString::from).chain(words).collect()
}

/// `restore` of the dump that these words choose.
fn fetched(words: Vec<OsString>) -> Result<Vec<OsString>, String> {
    const CHOOSE: [&str; 4] = ["--host", "--dle", "--day", "--level"];
    if words.len() > CHOOSE.len() {
        return Err("one dump at a time: HOST [DISK [DATE [LEVEL]]]".to_owned());
    }
    let mut ours = vec!["restore".into()];
    for (choose, word) in CHOOSE.into_iter().zip(words) {
        ours.extend([choose.into(), word]);
    }
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn ours(line: &str) -> Result<Vec<OsString>, clap::Error> {
        arguments(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn lines_of_amanda_become_lines_of_ours() {
        for (amanda, reelkeep) in [
            ("/usr/sbin/amdump daily web /srv", "dump web /srv"),
            ("amdump --no-taper daily", "dump --no-taper"),
            ("amcheck daily", "check"),
            ("amcheck -cl daily web", "check web"),
            ("amflush -b -f daily", "flush"),
            ("amflush -bf daily web", "flush web"),
            ("amstatus --config daily", "status"),
            ("amstatus daily --summary", "status"),
            ("amreport daily", "report"),
            ("amrecover -C daily -h web", "recover --host web"),
            ("amrecover daily", "recover"),
            ("amfetchdump -p daily web /srv", "restore --host web --dle /srv --raw"),
            (
                "amfetchdump -a -p daily web /srv 20260314 1",
                "restore --host web --dle /srv --day 20260314 --level 1 --raw",
            ),
            (
                "amfetchdump --extract --target=/tmp/back daily web /srv 20260314020000",
                "restore --host web --dle /srv --day 20260314020000 --to /tmp/back",
            ),
            ("amcheckdump daily", "verify"),
            ("amlabel daily DMP000", "label DMP000"),
            ("amlabel daily DMP003 slot 3", "label DMP003 --slot 3"),
            ("amlabel -f daily slot 3", "label --slot 3 --force"),
            ("amlabel --barcode E00003L8 daily", "label --barcode E00003L8"),
            ("amcleanup -p daily", "cleanup"),
            ("amtape daily inventory", "library show"),
            ("amtape daily show", "library inventory --read --all"),
            ("amtape daily slot 3 drive d1", "library load 3 --drive d1"),
            ("amtape daily slot 3", "library load 3"),
            ("amtape daily eject d1", "library unload --drive d1"),
            ("amtape daily eject", "library unload"),
            ("amtape daily clean d1", "library clean d1"),
            ("amtape daily verify", "library verify-drives"),
            ("amadmin daily force web /srv", "force web /srv"),
            ("amadmin daily force-level-1 web", "force-level1 web"),
            ("amadmin daily force-no-bump web", "no-bump web"),
            ("amadmin daily find web", "list dumps web"),
            ("amadmin daily due", "plan"),
            ("amadmin daily tape", "plan --volumes"),
            ("amadmin daily no-reuse DMP000 DMP001", "volume lock DMP000 DMP001"),
        ] {
            let made = ours(amanda).unwrap();
            let expected = format!("reelkeep --config daily {reelkeep}");
            assert_eq!(made, expected.split(' ').collect::<Vec<_>>(), "{amanda}");
            let cli = Cli::try_parse_from(made).unwrap_or_else(|error| panic!("{amanda}: {error}"));
            assert_eq!(cli.config.as_deref(), Some("daily"), "{amanda}");
        }
    }

    #[test]
    fn every_command_that_stands_for_one_of_amandas_is_there() {
        for program in PROGRAMS {
            let Command::Sub(commands) = &program.command else { continue };
            for (theirs, command, _) in *commands {
                let line = joined(&["reelkeep"], joined(command, vec!["--help".into()]));
                let help = Cli::try_parse_from(line).unwrap_err();
                assert_eq!(help.kind(), ErrorKind::DisplayHelp, "{} {theirs}", program.name);
            }
        }
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        for amanda in [
            "amdump -o x=y daily",
            "amcheck -m daily",
            "amcheck -cm daily",
            "amflush -D 2026 daily",
            "amfetchdump daily web /srv",
            "amfetchdump -O /tmp daily web /srv",
            "amfetchdump -c -p daily web /srv",
            "amfetchdump -p daily web /srv 20260314 0 db",
            "amlabel --barcode",
            "amtape daily",
            "amtape daily taper",
        ] {
            let error = ours(amanda).expect_err(amanda).to_string();
            let name = amanda.split(' ').next().unwrap();
            assert!(error.contains(&format!("{name}: ")), "{amanda}: {error}");
        }
        for amanda in [
            "amdump --no-vault daily",
            "amcheckdump --timestamp 2026 daily",
            "amtape daily show 1,3",
        ] {
            assert!(Cli::try_parse_from(ours(amanda).unwrap()).is_err(), "{amanda}");
        }
    }

    #[test]
    fn help_and_version_are_given_under_any_name() {
        for program in PROGRAMS {
            if matches!(program.command, Command::Sub(_)) {
                continue;
            }
            let made = ours(&format!("{} --help", program.name)).unwrap();
            let help = Cli::try_parse_from(made).unwrap_err();
            assert_eq!(help.kind(), ErrorKind::DisplayHelp, "{}", program.name);
        }
    }

    #[test]
    fn our_own_name_changes_nothing() {
        let line = "reelkeep -c x list dumps";
        assert_eq!(ours(line).unwrap(), line.split(' ').collect::<Vec<_>>());
    }
}
