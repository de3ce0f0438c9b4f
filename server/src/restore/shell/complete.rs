//! What could follow: the words that go on from what stands on the line.

use format::index::RecordKind;
use format::path;

use super::language::{Takes, VERBS};
use super::state::Shell;
use super::words::{self, Word, quoted};

/// The beginnings that are offered at most: more help nobody.
const OFFERED: usize = 500;

/// Where the last word of the line begins, and what could stand there instead.
pub fn complete(shell: &Shell<'_>, line: &str) -> (usize, Vec<String>) {
    let unfinished = words::unfinished(line.as_bytes());
    let takes = match unfinished.before.first() {
        None => Takes::Verb,
        Some(verb) => VERBS
            .iter()
            .find(|known| known.name == verb.text())
            .map_or(Takes::Nothing, |known| known.takes),
    };
    let word = &unfinished.word;
    let mut offers = match takes {
        Takes::Nothing => Vec::new(),
        Takes::Verb => whole(word, VERBS.iter().map(|verb| verb.name.to_owned())),
        Takes::Host => whole(word, shell.hosts()),
        Takes::Disk => whole(word, shell.disks().map(|(dle, _)| dle.dle.to_string())),
        Takes::Day => {
            let days = shell.days().unwrap_or_default();
            whole(word, days.into_iter().map(types::Stamp::day))
        }
        Takes::Directory => entries(shell, word, |kind| kind == RecordKind::Directory),
        Takes::Entries => entries(shell, word, |_| true),
        Takes::Local => local(shell, word),
    };
    offers.dedup();
    offers.truncate(OFFERED);
    (unfinished.start, offers)
}

/// Whole words that begin with what there is, with a blank behind them.
fn whole(word: &Word, all: impl IntoIterator<Item = String>) -> Vec<String> {
    let begun = word.bytes();
    let fits = |text: &String| text.as_bytes().starts_with(&begun);
    all.into_iter().filter(fits).map(|text| format!("{} ", quoted(text.as_bytes()))).collect()
}

/// A word as the directory it names, with its slash, and the beginning of a name in it.
fn cut(word: &Word) -> (Word, Vec<u8>) {
    let slash = word.0.iter().rposition(|sign| sign.byte() == b'/');
    let (dir, name) = word.0.split_at(slash.map_or(0, |slash| slash + 1));
    (Word(dir.to_vec()), name.iter().map(|sign| sign.byte()).collect())
}

/// A name put behind its directory; a directory is left open for more.
fn joined(dir: &Word, name: &[u8], is_directory: bool) -> String {
    let whole = [dir.bytes().as_slice(), name].concat();
    format!("{}{}", quoted(&whole), if is_directory { '/' } else { ' ' })
}

fn entries(shell: &Shell<'_>, word: &Word, wanted: impl Fn(RecordKind) -> bool) -> Vec<String> {
    let (dir, begun) = cut(word);
    let Some(place) = shell.place() else { return Vec::new() };
    let (mut at, names) = place.start(&dir);
    for name in names {
        let name: Vec<u8> = name.iter().map(|sign| sign.byte()).collect();
        at = match name.as_slice() {
            b"." => at,
            b".." => path::parent(&at).unwrap_or_default().to_vec(),
            name => path::join(&at, name),
        };
    }
    // An index that can't be read is complained about when a command needs it.
    let listed = place.view.list(&at).unwrap_or_default().into_iter().map(|(_, record)| record);
    listed
        .filter(|record| wanted(record.kind))
        .filter(|record| path::file_name(&record.path).starts_with(&begun))
        .map(|record| {
            let is_directory = record.kind == RecordKind::Directory;
            joined(&dir, path::file_name(&record.path), is_directory)
        })
        .collect()
}

/// Directories of this machine.
fn local(shell: &Shell<'_>, word: &Word) -> Vec<String> {
    use std::os::unix::ffi::OsStrExt as _;
    let (dir, begun) = cut(word);
    let Ok(listed) = std::fs::read_dir(shell.local_path(&dir)) else { return Vec::new() };
    let directories = listed.flatten().filter(|entry| entry.path().is_dir());
    let names = directories.map(|entry| entry.file_name().as_bytes().to_vec());
    let mut offers: Vec<String> = names
        .filter(|name| name.starts_with(&begun) && (!begun.is_empty() || name[0] != b'.'))
        .map(|name| joined(&dir, &name, true))
        .collect();
    offers.sort();
    offers
}
