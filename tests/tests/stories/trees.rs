//! Trees to back up, and manifests to hold against what comes back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::programs::generator;

/// A made-up office, a few thousandths of a real one by `scale`: documents, pictures, a database. Nothing of it comes from
/// the machine, so that what it takes on volumes is the same everywhere.
pub(crate) fn office(destination: &Path, scale: f64) -> PathBuf {
    generator(
        "gentree.py",
        [
            "office".as_ref(),
            destination.as_os_str(),
            "--scale".as_ref(),
            scale.to_string().as_ref(),
            "--system".as_ref(),
            "none".as_ref(),
        ],
    );
    destination.to_owned()
}

/// Everything a tree can hold that a backup gets wrong.
pub(crate) fn nasty(destination: &Path) -> PathBuf {
    generator("gentree.py", ["nasty".as_ref(), destination.as_os_str()]);
    destination.to_owned()
}

/// Moves a tree on by a day. Of the pages of large files fewer change than the generator would: a sparse file of
/// ten gibibytes is otherwise not sparse for long.
pub(crate) fn mutate(tree: &Path, day: u32) {
    let day = day.to_string();
    generator(
        "mutate.py",
        [
            tree.as_os_str(),
            "--day".as_ref(),
            day.as_ref(),
            "--page-rate".as_ref(),
            "0.001".as_ref(),
        ],
    );
}

/// Changes some files while something else looks at them.
pub(crate) fn churn(tree: &Path, seconds: f64) {
    generator("churn.py", [tree.as_os_str(), seconds.to_string().as_ref()]);
}

/// Bytes that do not compress.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(byte).take(length).collect()
}

/// What a tree held at a moment: a line for each entry, sorted by path.
#[derive(Clone)]
pub(crate) struct Manifest(Vec<String>);

/// The column of a manifest's line that holds the time.
const MTIME: usize = 5;

impl Manifest {
    /// Of what is there now. Sockets are left out: they belong to whoever listens, and no archive holds them.
    pub(crate) fn of(tree: &Path) -> Self {
        let text = generator("manifest.py", [tree]);
        Self(text.lines().filter(|line| !line.starts_with("s\t")).map(str::to_owned).collect())
    }

    /// Only the entries whose path (as the manifest escapes it) is wanted.
    pub(crate) fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let path = |line: &str| line.rsplit('\t').next().unwrap().to_owned();
        Self(self.0.iter().filter(|line| wanted(&path(line))).cloned().collect())
    }

    /// The paths, as the manifest escapes them.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|line| line.rsplit('\t').next().unwrap())
    }

    /// Without the time of the tree's top, which the last tool to work in it sets anew.
    pub(crate) fn without_time_of_top(&self) -> Self {
        self.without_times_of(|path| path == ".")
    }

    /// Without the times of directories. tar puts a changed file into a directory that is no member of that level,
    /// because nothing else about it has changed, and so gives it the time of the restore.
    pub(crate) fn without_times_of_directories(&self) -> Self {
        self.without_times_of(|_| true)
    }

    fn without_times_of(&self, which: impl Fn(&str) -> bool) -> Self {
        let strip = |line: &String| {
            let mut columns: Vec<&str> = line.split('\t').collect();
            if columns[0] == "d" && columns.last().is_some_and(|path| which(path)) {
                columns[MTIME] = "-";
            }
            columns.join("\t")
        };
        Self(self.0.iter().map(strip).collect())
    }

    /// How many entries.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Panics unless `there` holds the same, showing the first lines that differ.
    #[track_caller]
    pub(crate) fn expect(&self, there: &Self, what: &str) {
        let was: BTreeSet<_> = self.0.iter().collect();
        let is: BTreeSet<_> = there.0.iter().collect();
        let gone = was.difference(&is).map(|line| format!("- {line}"));
        let new = is.difference(&was).map(|line| format!("+ {line}"));
        let differing: Vec<String> = gone.chain(new).collect();
        assert!(
            differing.is_empty(),
            "{what}: {} lines differ, of {}; - is how it was, + is what came back:\n{}",
            differing.len(),
            self.len(),
            differing.iter().take(20).map(|line| shortened(line)).collect::<Vec<_>>().join("\n"),
        );
    }
}

fn shortened(line: &str) -> String {
    if line.len() <= 400 {
        line.to_owned()
    } else {
        format!("{} … {}", &line[..300], &line[line.len() - 90..])
    }
}
