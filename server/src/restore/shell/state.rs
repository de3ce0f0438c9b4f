//! What the shell knows between two commands, and what each command does to it.
//!
//! A DLE on a day is a place: a tree to move in, and the extract list of it. To look at another DLE, or at a
//! day that has another state, is to begin with an empty list, because a list is of one state: what would be
//! extracted is always what `ls` showed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use format::index::{IndexError, Record, RecordKind};
use format::path;
use taper::catalogue::{Catalogue, CatalogueError, Filter};
use types::{DleRef, Stamp};

use super::chosen::{Chosen, Mark};
use super::language::{self, Command, Form, NoCommand};
use super::names::{BadExpression, Names};
use super::words::{Sign, Word, quoted};
use crate::clock::{stamp_text, unix_text};
use crate::pattern::relative;
use crate::print;
use crate::restore::plan;
use crate::restore::session::RestoreError;
use crate::restore::view::{View, ViewError};
use crate::restore::when::{self, BadWhen};
use crate::restore::wish::{Choice, Wish};

/// How many entries `add` and `delete` name; of more the number is told.
const NAMED: usize = 20;

/// What can be looked at.
pub struct Archive<'a> {
    /// Which dumps there are.
    pub catalogue: &'a Catalogue,
    /// Where their indexes are.
    pub indexdir: &'a Path,
    /// Every DLE, sorted, and its path on its host.
    pub dles: Vec<(DleRef, String)>,
}

/// A DLE on a day.
pub struct Place {
    /// The tree.
    pub view: View,
    /// What is to be extracted of it.
    pub chosen: Chosen,
    /// The DLE's path on its host.
    root: String,
    /// The directory that the person is in.
    cwd: Vec<u8>,
}

/// The shell.
pub struct Shell<'a> {
    archive: Archive<'a>,
    host: Option<String>,
    day: Day,
    place: Option<Place>,
    local: PathBuf,
}

/// As of when to look.
struct Day {
    given: String,
    end: Stamp,
}

/// What a command says, and what is to be done beside.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Lines to print.
    pub text: String,
    /// What the caller has to do.
    pub then: Then,
}

/// What a command leaves to the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Read the next line.
    #[default]
    Next,
    /// Extract what is chosen to this directory.
    Extract(PathBuf),
    /// Leave.
    Quit,
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// The line is none.
    #[error(transparent)]
    Line(#[from] NoCommand),
    /// The host is not known.
    #[error("there is no host {0}: `listhost` shows those there are")]
    NoHost(String),
    /// The DLE is not known.
    #[error("there is no DLE {0} here: `listdisk` shows those there are")]
    NoDisk(String),
    /// Several have it.
    #[error("several hosts have a DLE {0}: `sethost` says which is meant")]
    SeveralHosts(String),
    /// Nothing is looked at.
    #[error("no DLE is looked at: choose one with `setdisk`; `listdisk` shows those there are")]
    NoPlace,
    /// The day is none.
    #[error(transparent)]
    When(#[from] BadWhen),
    /// Nothing of that name.
    #[error("there is no {0}")]
    NotThere(String),
    /// Nothing fits.
    #[error("no name fits {0}")]
    NothingFits(String),
    /// More than one.
    #[error("{0} fits {1} directories, and one can be gone to")]
    SeveralFit(String, usize),
    /// Not to be gone into.
    #[error("{0} is no directory")]
    NoDirectory(String),
    /// Not chosen.
    #[error("{0} is not on the extract list")]
    NotChosen(String),
    /// Nothing chosen.
    #[error("the extract list is empty: choose something with `add`")]
    NothingChosen,
    /// The expression is none.
    #[error(transparent)]
    Expression(#[from] BadExpression),
    /// The state of the day.
    #[error(transparent)]
    View(#[from] ViewError),
    /// What would be read.
    #[error(transparent)]
    Measure(#[from] RestoreError),
    /// An index.
    #[error("an index could not be read to its end")]
    Index(#[from] IndexError),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A directory on this machine.
    #[error("could not go to {0}")]
    Local(PathBuf, #[source] std::io::Error),
}

type Answered = Result<Answer, ShellError>;

impl<'a> Shell<'a> {
    /// A shell that looks at nothing yet, and would look at the newest state.
    pub fn new(archive: Archive<'a>, local: PathBuf) -> Result<Self, ShellError> {
        let day = Day { given: "latest".to_owned(), end: when::parse("latest")? };
        Ok(Self { archive, host: None, day, place: None, local })
    }

    /// Chooses the host and the DLE if there is but one, and nothing was chosen.
    pub fn settle(&mut self) -> Answered {
        let hosts = self.hosts();
        match (&self.host, hosts.as_slice()) {
            (None, [host]) => self.set_host(host.clone()),
            _ => Ok(Answer::default()),
        }
    }

    /// What is looked at.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Carries out a line.
    pub fn line(&mut self, line: &[u8]) -> Answered {
        language::parse(line)?.map_or_else(|| Ok(Answer::default()), |command| self.apply(command))
    }

    /// Carries out a command.
    pub fn apply(&mut self, command: Command) -> Answered {
        match command {
            Command::SetHost(host) => self.set_host(host),
            Command::SetDisk(disk) => self.set_disk(&disk),
            Command::ListHost => Ok(lines(self.hosts())),
            Command::ListDisk => Ok(self.list_disks()),
            Command::SetDate(day) => self.set_date(day),
            Command::History => self.history(),
            Command::Date => self.date(),
            Command::Cd(None) => self.go(Vec::new()),
            Command::Cd(Some(word)) => self.cd(&word),
            Command::CdExpression(given) => self.cd_expression(&given),
            Command::Pwd => self.known_place().map(|place| say(&place.shown(&place.cwd))),
            Command::LocalCd(word) => self.local_cd(&word),
            Command::LocalPwd => Ok(say(&self.local.display().to_string())),
            Command::Ls { form, what } => self.ls(form, &what),
            Command::Add(words) => self.mark(Mark::In, |place| place.meant_by_all(&words)),
            Command::Delete(words) => self.mark(Mark::Out, |place| place.meant_by_all(&words)),
            Command::AddExpression(given) => self.mark(Mark::In, |place| place.fitting_all(&given)),
            Command::DeleteExpression(given) => {
                self.mark(Mark::Out, |place| place.fitting_all(&given))
            }
            Command::List => self.list(),
            Command::Clear => self.clear(),
            Command::Plan => self.plan(),
            Command::Extract(to) => self.extract(to),
            Command::SetTape => Ok(say(
                "settape is not needed: volumes are found by their labels, in every library of the site",
            )),
            Command::Help(of) => Ok(Answer::of(language::help(of.as_deref())?)),
            Command::Quit => Ok(Answer { then: Then::Quit, ..Answer::default() }),
        }
    }

    /// Nothing is chosen any more: it was extracted.
    pub fn extracted(&mut self) {
        if let Some(place) = &mut self.place {
            place.chosen = Chosen::default();
        }
    }

    fn known_place(&self) -> Result<&Place, ShellError> {
        self.place.as_ref().ok_or(ShellError::NoPlace)
    }

    /// The hosts that have DLEs.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> =
            self.archive.dles.iter().map(|(dle, _)| dle.host.to_string()).collect();
        hosts.dedup();
        hosts
    }

    /// The DLEs of the host that is set, or all.
    pub fn disks(&self) -> impl Iterator<Item = &(DleRef, String)> {
        let here = |dle: &DleRef| self.host.as_ref().is_none_or(|host| dle.host.as_str() == host);
        self.archive.dles.iter().filter(move |(dle, _)| here(dle))
    }

    /// The days that have dumps of the DLE, the newest first.
    pub fn days(&self) -> Result<Vec<Stamp>, ShellError> {
        let place = self.known_place()?;
        let dumps = self.archive.catalogue.dumps(&Filter::of(&place.view.dle))?;
        Ok(dumps.iter().filter(|dump| dump.is_restorable()).map(|dump| dump.dump.run).collect())
    }

    fn set_host(&mut self, host: String) -> Answered {
        if !self.hosts().contains(&host) {
            return Err(ShellError::NoHost(host));
        }
        let left = self.leave();
        let mut answer = say(&format!("host {host}"));
        self.host = Some(host);
        answer.text.insert_str(0, &left);
        let disks: Vec<String> = self.disks().map(|(dle, _)| dle.dle.to_string()).collect();
        if let [disk] = disks.as_slice() {
            answer.text.push_str(&self.set_disk(disk)?.text);
        }
        Ok(answer)
    }

    /// Forgets the place; says so, if something was chosen there.
    fn leave(&mut self) -> String {
        let left = self.place.take().filter(|place| !place.chosen.is_empty());
        left.map(|place| format!("the extract list of {} was cleared\n", place.view.dle))
            .unwrap_or_default()
    }

    fn set_disk(&mut self, disk: &str) -> Answered {
        let trimmed = if disk.len() > 1 { disk.trim_end_matches('/') } else { disk };
        let named = |dle: &DleRef| [disk, trimmed].contains(&dle.dle.as_str());
        let found: Vec<(DleRef, String)> =
            self.disks().filter(|(dle, _)| named(dle)).cloned().collect();
        let (dle, root) = match found.as_slice() {
            [one] => one.clone(),
            [] => return Err(ShellError::NoDisk(disk.to_owned())),
            _ => return Err(ShellError::SeveralHosts(disk.to_owned())),
        };
        let view = self.view(&dle, self.day.end)?;
        let mut answer = Answer::of(self.leave());
        answer.text.push_str(&format!("disk {dle}\n"));
        answer.text.push_str(&described(&view));
        self.host = Some(dle.host.to_string());
        self.place = Some(Place { view, chosen: Chosen::default(), root, cwd: Vec::new() });
        Ok(answer)
    }

    fn view(&self, dle: &DleRef, when: Stamp) -> Result<View, ViewError> {
        View::open(self.archive.catalogue, self.archive.indexdir, dle, when)
    }

    fn list_disks(&self) -> Answer {
        let rows: Vec<Vec<String>> = self
            .disks()
            .map(|(dle, root)| {
                let host = if self.host.is_none() { Some(dle.host.to_string()) } else { None };
                let name = quoted(dle.dle.as_str().as_bytes());
                let path = if root == dle.dle.as_str() { String::new() } else { root.clone() };
                host.into_iter().chain([name, path]).collect()
            })
            .collect();
        Answer::of(print::table(&rows, &[]))
    }

    fn set_date(&mut self, given: Option<String>) -> Answered {
        let given = given.unwrap_or_else(|| "latest".to_owned());
        let newest = self.place.as_ref().and_then(|place| place.view.run());
        let end = when::parse(&completed(&given, newest))?;
        let day = Day { given, end };
        let Some(place) = &self.place else {
            self.day = day;
            return Ok(Answer::default());
        };
        let view = self.view(&place.view.dle, end)?;
        self.day = day;
        let same = view.chain.iter().map(|link| link.dump.id).eq(place
            .view
            .chain
            .iter()
            .map(|link| link.dump.id));
        let mut answer = Answer::of(described(&view));
        if same {
            return Ok(answer);
        }
        let (root, mut cwd) = (place.root.clone(), place.cwd.clone());
        answer.text.insert_str(0, &self.leave());
        while !is_directory(&view, &cwd)? {
            cwd = path::parent(&cwd).unwrap_or_default().to_vec();
        }
        self.place = Some(Place { view, chosen: Chosen::default(), root, cwd });
        Ok(answer)
    }

    fn history(&self) -> Answered {
        let place = self.known_place()?;
        let dumps = self.archive.catalogue.dumps(&Filter::of(&place.view.dle))?;
        let rows: Vec<Vec<String>> = dumps
            .iter()
            .map(|located| {
                let dump = &located.dump;
                let places = plan::places(located);
                let places =
                    if places.is_empty() { "not whole".to_owned() } else { places.join(" ") };
                vec![stamp_text(dump.run), format!("level {}", dump.level), places]
            })
            .collect();
        Ok(Answer::of(print::table(&rows, &[])))
    }

    fn date(&self) -> Answered {
        let mut answer = say(&self.day.given);
        if let Some(place) = &self.place {
            answer.text.push_str(&described(&place.view));
        }
        Ok(answer)
    }

    fn cd(&mut self, word: &Word) -> Answered {
        let place = self.known_place()?;
        let mut found = place.meant_by(word)?;
        found.retain(|path| is_directory(&place.view, path).unwrap_or(false));
        let given = quoted(&word.bytes());
        match found.len() {
            0 => Err(ShellError::NoDirectory(given)),
            1 => self.go(found.remove(0)),
            several => Err(ShellError::SeveralFit(given, several)),
        }
    }

    fn cd_expression(&mut self, given: &str) -> Answered {
        let place = self.known_place()?;
        let mut found = place.fitting(given)?;
        found.retain(|path| is_directory(&place.view, path).unwrap_or(false));
        match found.len() {
            0 => Err(ShellError::NothingFits(given.to_owned())),
            1 => self.go(found.remove(0)),
            several => Err(ShellError::SeveralFit(given.to_owned(), several)),
        }
    }

    fn go(&mut self, to: Vec<u8>) -> Answered {
        let place = self.place.as_mut().ok_or(ShellError::NoPlace)?;
        place.cwd = to;
        Ok(say(&place.shown(&place.cwd)))
    }

    fn local_cd(&mut self, word: &Word) -> Answered {
        let to = self.local_path(word);
        let there = to.canonicalize().and_then(|path| {
            let is_directory = path.metadata()?.is_dir();
            if is_directory { Ok(path) } else { Err(std::io::ErrorKind::NotADirectory.into()) }
        });
        self.local = there.map_err(|source| ShellError::Local(to, source))?;
        Ok(say(&self.local.display().to_string()))
    }

    /// A path on this machine, from the local directory on.
    pub fn local_path(&self, word: &Word) -> PathBuf {
        self.local.join(OsStr::from_bytes(&word.bytes()))
    }

    fn ls(&self, form: Form, what: &[Word]) -> Answered {
        let place = self.known_place()?;
        let mut text = String::new();
        if what.is_empty() {
            place.list(&place.cwd, form, &mut text)?;
        }
        for path in place.meant_by_all(what)? {
            if is_directory(&place.view, &path)? {
                if what.len() > 1 {
                    text.push_str(&format!("{}:\n", place.shown(&path)));
                }
                place.list(&path, form, &mut text)?;
            } else if let Some((at, record)) = place.view.find(&path)? {
                place.entry(at, &record, &quoted(&path), form, &mut text);
            }
        }
        Ok(Answer::of(text))
    }

    fn mark(
        &mut self,
        mark: Mark,
        which: impl FnOnce(&Place) -> Result<Vec<Vec<u8>>, ShellError>,
    ) -> Answered {
        let place = self.place.as_mut().ok_or(ShellError::NoPlace)?;
        let paths = which(place)?;
        let mut changed = Vec::new();
        for path in &paths {
            let was = match mark {
                Mark::In => place.chosen.add(path),
                Mark::Out => place.chosen.remove(path),
            };
            if was {
                changed.push(path);
            }
        }
        if let (Mark::Out, [], [path, ..]) = (mark, changed.as_slice(), paths.as_slice()) {
            return Err(ShellError::NotChosen(place.shown(path)));
        }
        let word = if mark == Mark::In { "added" } else { "left out" };
        let mut text = String::new();
        for path in changed.iter().take(NAMED) {
            text.push_str(&format!("{word} {}\n", place.shown(path)));
        }
        if changed.len() > NAMED {
            text.push_str(&format!("{word} {} more\n", changed.len() - NAMED));
        }
        if changed.is_empty() {
            text.push_str("that is on the extract list already\n");
        }
        Ok(Answer::of(text))
    }

    fn list(&self) -> Answered {
        let place = self.known_place()?;
        let marks = place.chosen.marks();
        let mut text = String::new();
        for (path, mark) in marks {
            let without = if mark == Mark::Out { "without " } else { "" };
            text.push_str(&format!("{without}{}\n", place.shown(path)));
        }
        if text.is_empty() {
            text.push_str("nothing is chosen\n");
        }
        Ok(Answer::of(text))
    }

    fn clear(&mut self) -> Answered {
        let place = self.place.as_mut().ok_or(ShellError::NoPlace)?;
        place.chosen = Chosen::default();
        Ok(say("nothing is chosen"))
    }

    fn plan(&self) -> Answered {
        let place = self.known_place()?;
        if place.chosen.is_empty() {
            return Err(ShellError::NothingChosen);
        }
        let measure = place.wish().measure()?;
        Ok(Answer::of(plan::table(&place.view, &measure)))
    }

    fn extract(&self, to: Option<Word>) -> Answered {
        if self.known_place()?.chosen.is_empty() {
            return Err(ShellError::NothingChosen);
        }
        let to = to.map_or_else(|| self.local.clone(), |word| self.local_path(&word));
        Ok(Answer { then: Then::Extract(to), ..Answer::default() })
    }
}

impl Place {
    /// What is chosen, ready to be restored.
    pub fn wish(&self) -> Wish<'_> {
        Wish { view: &self.view, choice: &self.chosen as &dyn Choice }
    }

    /// A path as the host has it, and as it can be typed.
    fn shown(&self, path: &[u8]) -> String {
        let root = if self.root.starts_with('/') { self.root.trim_end_matches('/') } else { "" };
        let mut full = root.as_bytes().to_vec();
        if full.is_empty() || !path.is_empty() {
            full.push(b'/');
        }
        full.extend_from_slice(path);
        quoted(&full)
    }

    /// Where a word that is a path begins, and the names to go on with.
    pub fn start<'w>(&self, word: &'w Word) -> (Vec<u8>, Vec<&'w [Sign]>) {
        let names: Vec<&[Sign]> = word.names().collect();
        if !word.is_absolute() {
            return (self.cwd.clone(), names);
        }
        // The DLE's own path in front is as good as none.
        let root = relative(self.root.as_bytes(), b"");
        let root: Vec<&[u8]> =
            root.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
        let is =
            |name: &[Sign], other: &[u8]| name.iter().map(|s| s.byte()).eq(other.iter().copied());
        let has_root = self.root.starts_with('/')
            && names.len() >= root.len()
            && names.iter().zip(&root).all(|(name, other)| is(name, other));
        (Vec::new(), if has_root { names[root.len()..].to_vec() } else { names })
    }

    /// The paths that a word means: what its globs fit, or else the very name.
    fn meant_by(&self, word: &Word) -> Result<Vec<Vec<u8>>, ShellError> {
        let (start, names) = self.start(word);
        let mut paths = vec![start];
        let mut is_glob = false;
        for name in names {
            let mut next = Vec::new();
            for path in &paths {
                is_glob |= self.step(path, name, &mut next)?;
            }
            paths = next;
        }
        match (paths.is_empty(), is_glob) {
            (false, _) => Ok(paths),
            (true, true) => Err(ShellError::NothingFits(word.text())),
            (true, false) => Err(ShellError::NotThere(quoted(&word.bytes()))),
        }
    }

    /// From a directory to what a name means in it. True if it is a glob.
    fn step(
        &self,
        from: &[u8],
        name: &[Sign],
        next: &mut Vec<Vec<u8>>,
    ) -> Result<bool, ShellError> {
        let plain: Vec<u8> = name.iter().map(|sign| sign.byte()).collect();
        match plain.as_slice() {
            b"." => next.push(from.to_vec()),
            b".." => next.push(path::parent(from).unwrap_or_default().to_vec()),
            _ => {
                let names = Names::glob(name);
                let found = match &names {
                    Some(names) => self.children(from, names)?,
                    None => Vec::new(),
                };
                let exact = path::join(from, &plain);
                if found.is_empty() && self.view.find(&exact)?.is_some() {
                    next.push(exact);
                }
                next.extend(found);
                return Ok(names.is_some());
            }
        }
        Ok(false)
    }

    /// The entries of a directory whose names fit.
    fn children(&self, dir: &[u8], names: &Names) -> Result<Vec<Vec<u8>>, ShellError> {
        let all = self.view.list(dir)?.into_iter().map(|(_, record)| record.path);
        Ok(all.filter(|path| names.fits(path::file_name(path))).collect())
    }

    fn meant_by_all(&self, words: &[Word]) -> Result<Vec<Vec<u8>>, ShellError> {
        let each = words.iter().map(|word| self.meant_by(word));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The entries of this directory that an expression means.
    fn fitting(&self, given: &str) -> Result<Vec<Vec<u8>>, ShellError> {
        let found = self.children(&self.cwd, &Names::expression(given)?)?;
        if found.is_empty() { Err(ShellError::NothingFits(given.to_owned())) } else { Ok(found) }
    }

    fn fitting_all(&self, given: &[String]) -> Result<Vec<Vec<u8>>, ShellError> {
        let each = given.iter().map(|given| self.fitting(given));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn list(&self, dir: &[u8], form: Form, text: &mut String) -> Result<(), ShellError> {
        for (at, record) in self.view.list(dir)? {
            self.entry(at, &record, &quoted(path::file_name(&record.path)), form, text);
        }
        Ok(())
    }

    /// A line of `ls`.
    fn entry(&self, at: usize, record: &Record, name: &str, form: Form, text: &mut String) {
        let dump = self.view.dump(at);
        text.push_str(&format!("{}  level {}  ", dump.run.day(), dump.level));
        if form == Form::Long {
            let size = if record.kind == RecordKind::File { record.size } else { 0 };
            text.push_str(&format!(
                "{}  {:>11}  {size:>12}  {}  ",
                permissions(record),
                format!("{}:{}", record.uid, record.gid),
                unix_text(record.mtime.seconds),
            ));
        }
        text.push_str(name);
        match record.kind {
            RecordKind::Directory => text.push('/'),
            RecordKind::HardLink if form == Form::Long => {
                text.push_str(&format!(" = {}", self.shown(&record.link)));
            }
            _ => {}
        }
        text.push('\n');
    }
}

impl Answer {
    fn of(text: String) -> Self {
        Self { text, then: Then::Next }
    }
}

fn say(line: &str) -> Answer {
    Answer::of(format!("{line}\n"))
}

fn lines(lines: Vec<String>) -> Answer {
    Answer::of(lines.iter().map(|line| format!("{}\n", quoted(line.as_bytes()))).collect())
}

/// Which state it is, and what had to be passed over for it.
fn described(view: &View) -> String {
    let mut text = String::new();
    for gap in &view.passed_over {
        text.push_str(&format!("passed over: {gap}\n"));
    }
    let levels: Vec<String> = view.chain.iter().map(|link| link.dump.level.to_string()).collect();
    let run = view.run().map(stamp_text).unwrap_or_default();
    let word = if levels.len() == 1 { "level" } else { "levels" };
    text.push_str(&format!("the state of {run}, {word} {}\n", levels.join(", ")));
    text
}

/// Whether this is a directory of the state. The root is one, whether or not a dump says so.
fn is_directory(view: &View, path: &[u8]) -> Result<bool, IndexError> {
    let found = || view.find(path);
    Ok(path.is_empty() || found()?.is_some_and(|(_, record)| record.kind == RecordKind::Directory))
}

/// A day of which only the end is said, as Amanda allows it: `--23`, `-11-23`. The rest is that of the newest
/// run that is looked at.
fn completed(given: &str, newest: Option<Stamp>) -> String {
    let day = newest.map(Stamp::day).unwrap_or_default();
    let kept = match given.strip_prefix("--") {
        Some(_) => day.get(..8),
        None if given.starts_with('-') => day.get(..5),
        None => None,
    };
    kept.map_or_else(|| given.to_owned(), |kept| format!("{kept}{}", given.trim_start_matches('-')))
}

/// As `ls -l` writes them.
fn permissions(record: &Record) -> String {
    let kind = match record.kind {
        RecordKind::Directory => 'd',
        RecordKind::Symlink => 'l',
        RecordKind::Fifo => 'p',
        RecordKind::Char => 'c',
        RecordKind::Block => 'b',
        RecordKind::File | RecordKind::HardLink | RecordKind::Gone => '-',
    };
    let mode = record.mode;
    let special = [(0o4000, 's', 'S'), (0o2000, 's', 'S'), (0o1000, 't', 'T')];
    let mut out = String::from(kind);
    for (class, (bit, with, without)) in special.into_iter().enumerate() {
        let bits = mode >> (6 - 3 * class);
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (mode & bit != 0, bits & 1 != 0) {
            (true, true) => with,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_as_those_of_ls() {
        let of = |kind, mode| permissions(&Record { mode, ..Record::new("", kind) });
        assert_eq!(of(RecordKind::File, 0o644), "-rw-r--r--");
        assert_eq!(of(RecordKind::Directory, 0o1777), "drwxrwxrwt");
        assert_eq!(of(RecordKind::File, 0o6710), "-rws--s---");
        assert_eq!(of(RecordKind::File, 0o4644), "-rwSr--r--");
    }

    #[test]
    fn the_beginning_of_a_day_may_be_left_out() {
        let newest = "20261123020000".parse().ok();
        assert_eq!(completed("--05", newest), "2026-11-05");
        assert_eq!(completed("-10-05", newest), "2026-10-05");
        assert_eq!(completed("2026-10-05", newest), "2026-10-05");
        assert_eq!(completed("--05", None), "--05");
    }
}
