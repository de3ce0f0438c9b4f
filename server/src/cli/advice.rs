//! Every command that a message, or the documentation, tells people to give is one that there is.
//!
//! Advice is what stands between backticks and begins with the name of the program; the documentation also shows commands
//! in blocks of their own. Names in capitals and braces stand for something, so what is looked at is the way to the
//! command, and that it knows each option.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

/// Files below a directory that end like this.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    found
}

/// The commands in a text: what stands between backticks within a line.
fn quoted(text: &str) -> Vec<String> {
    let lines =
        text.lines().flat_map(|line| line.match_indices("`reelkeep ").map(move |it| (line, it.0)));
    lines.filter_map(|(line, at)| Some(line[at + 1..].split_once('`')?.0.to_owned())).collect()
}

/// A Rust source, with the strings in one line each that go over several.
fn joined(source: &str) -> String {
    let pieces = source.split("\\\n");
    pieces.enumerate().map(|(n, text)| if n == 0 { text } else { text.trim_start() }).collect()
}

/// The commands in the blocks of a page.
fn shown(page: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).map(|line| line.trim_start_matches("$ "));
    let commands = lines.filter(|line| line.starts_with("reelkeep "));
    // What is behind two spaces explains it.
    let command = |line: &str| {
        let line = line.split("  ").next().unwrap();
        line.split([';', '|', '>', '#', '&']).next().unwrap().to_owned()
    };
    commands.map(command).collect()
}

/// What is wrong with a command, if anything.
fn wrong(line: &str) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    let global: Vec<Arg> = command.get_arguments().cloned().collect();
    let mut at: &Command = &command;
    let mut words = line.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        let word = word.trim_matches(['[', ']', '…', ',', '(', ')']);
        if let Some(option) = word.strip_prefix('-') {
            let (name, value) =
                option.split_once('=').map_or((option, None), |it| (it.0, Some(it.1)));
            let mut known = at.get_arguments().chain(&global);
            let found = known.find(|own| match name.strip_prefix('-') {
                Some(long) => own.get_long() == Some(long),
                None => own.get_short().map(String::from).as_deref() == Some(name),
            });
            match found {
                None => return Some(format!("`{}` has no option -{name}", at.get_name())),
                Some(own) if own.get_action().takes_values() && value.is_none() => {
                    words.next();
                }
                Some(_) => {}
            }
        } else if at.has_subcommands() {
            let named = word.chars().any(|c| c.is_ascii_lowercase());
            match at.find_subcommand(word) {
                Some(next) => at = next,
                None if named => return Some(format!("`{}` has no command {word}", at.get_name())),
                None => return None,
            }
        } else if !word.is_empty() && at.get_positionals().next().is_none() {
            return Some(format!("`{}` takes no {word}", at.get_name()));
        }
    }
    None
}

#[test]
fn every_command_that_is_advised_is_one_that_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut advised = Vec::new();
    for part in ["server", "taper", "devices", "config", "client"] {
        for path in files(&root.join(part).join("src"), "rs") {
            let source = joined(&fs::read_to_string(&path).unwrap());
            advised.extend(quoted(&source).into_iter().map(|line| (path.clone(), line)));
        }
    }
    let pages = files(&root.join("docs"), "md").into_iter();
    for path in pages.chain([root.join("README.md"), root.join("CHANGELOG.md")]) {
        let page = fs::read_to_string(&path).unwrap();
        let lines = quoted(&page).into_iter().chain(shown(&page));
        advised.extend(lines.map(|line| (path.clone(), line)));
    }
    assert!(advised.len() > 200, "only {} were found", advised.len());
    let mistakes = advised.iter().filter_map(|(path, line)| {
        let why = wrong(line)?;
        Some(format!("{}: `{line}`: {why}", path.strip_prefix(root).unwrap().display()))
    });
    let mistakes: Vec<String> = mistakes.collect();
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}

#[test]
fn a_command_that_there_is_not_is_noticed() {
    assert_eq!(wrong("reelkeep -c SITE volume lock {label} --until DATE"), None);
    for line in [
        "reelkeep catalogue rebuild --indexes",
        "reelkeep nosuch",
        "reelkeep volume nosuch V-1",
        "reelkeep -z dump",
    ] {
        assert!(wrong(line).is_some(), "{line}");
    }
}
