//! What happened in a run, as it happens.
//!
//! The run appends one JSON line an event to `log/<stamp>.jsonl`; `status` reads the file while the run is at
//! work, `report` when it is over. The lines are a format: fields are added, never renamed, and a line that
//! this version does not know is passed over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use taper::catalogue::RunStatus;
use types::{
    Bytes, DleRef, DriveName, DumpId, FileNo, Label, Level, PartNo, ScriptPoint, Slot, Stamp,
    StorageName,
};

use crate::dispatcher::Hindrance;
use crate::report::Standing;

mod line;
pub(crate) mod older;

/// One line of the log.
#[derive(Clone, Debug, Serialize)]
pub struct Logged {
    /// Seconds since 1970.
    pub time: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: RunEvent,
}

/// Says once what can happen, and makes two types of it: [`RunEvent`], which is written with its name among its fields;
/// and one to read it by, whose name comes first, so that fields need not be kept until it is known.
macro_rules! events {
    ($($variants:tt)*) => {
        /// What can happen in a run.
        #[derive(Clone, Debug, Serialize)]
        #[serde(tag = "event", rename_all = "kebab-case")]
        pub enum RunEvent { $($variants)* }

        #[derive(Deserialize)]
        #[serde(remote = "RunEvent", rename_all = "kebab-case")]
        enum Named { $($variants)* }
    };
}

events! {
    /// The run began.
    Started { run: Stamp, kind: String, program: String, pid: u32 },
    /// What the run works with: how many dumpers, the holding disks with what it may use of each, the drives; what images
    /// of earlier runs take of holding; and whether it tells when an image leaves there (else it does when it is placed).
    Equipped {
        dumpers: u32,
        holding: Vec<Room>,
        drives: Vec<DriveName>,
        held: Bytes,
        #[serde(default)]
        releases: bool,
    },
    /// The planner decided.
    Planned { dle: DleRef, level: Level, raw: Bytes, stored: Bytes, why: String },
    /// The planner left a DLE out.
    Skipped { dle: DleRef, why: String },
    /// Something an operator should know.
    Warning { text: String },
    /// A client began to send.
    DumpStarted { dle: DleRef, level: Level, dump: DumpId, to: Target },
    /// How far a dump is.
    DumpProgress { dump: DumpId, entries: u64, raw: Bytes, stored: Bytes },
    /// The client complained about one path, or about the dump.
    DumpStrange { dle: DleRef, dump: DumpId, text: String },
    /// The image is whole: held, or placed.
    DumpDone {
        dle: DleRef,
        level: Level,
        dump: DumpId,
        strange: u64,
        entries: u64,
        raw: Bytes,
        stored: Bytes,
        seconds: f64,
    },
    /// What the making of a dump waited for.
    DumpTimed { dump: DumpId, waits: Waits },
    /// A script said something.
    ScriptSaid {
        script: String,
        at: ScriptPoint,
        about: Option<String>,
        complaint: bool,
        text: String,
    },
    /// A script did not go well.
    ScriptFailed { script: String, at: ScriptPoint, about: Option<String>, why: String },
    /// What DLEs wait for that could be dumped otherwise. Comes when it has changed, and not often.
    Waiting { groups: Vec<Group> },
    /// Who is to change something, before a dump that came to nothing (the next event says so) can go well.
    DumpTrouble { dle: DleRef, cause: Cause },
    /// A dump came to nothing.
    DumpFailed { dle: DleRef, level: Level, why: String, again: bool },
    /// A DLE has no dump of this run.
    DleFailed {
        dle: DleRef,
        why: String,
        /// Who is to change something, if the run itself had to give it up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// A drive begins something.
    DriveBegan { drive: DriveName, work: Work, dump: Option<DumpId> },
    /// A volume is in a drive, its label read, and will be written.
    VolumeMounted {
        drive: DriveName,
        storage: StorageName,
        label: Label,
        slot: Option<Slot>,
        how: String,
        file: FileNo,
    },
    /// A volume was looked at and not taken.
    VolumeRefused {
        storage: StorageName,
        /// The one that was thought to be there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<Label>,
        what: String,
        why: String,
    },
    /// The operator was asked for a volume, or told something.
    OperatorAsked { text: String },
    /// The operator put a cartridge in, after so long; what was found before would not do.
    OperatorCame { drive: DriveName, seconds: u64, found: String },
    /// A part is on a volume, flushed.
    PartPlaced {
        dump: DumpId,
        part: PartNo,
        label: Label,
        file: FileNo,
        bytes: Bytes,
        seconds: f64,
    },
    /// An image was written from the holding disk: for so many seconds, of which the drive waited so many for
    /// the disk, and stopped so many times.
    DriveFed { drive: DriveName, dump: DumpId, seconds: f64, waited: f64, starved: u32 },
    /// What a drive counted when a volume was done with, as far as it tells, and the numbers of its TapeAlerts.
    DriveHealth {
        drive: DriveName,
        label: Label,
        alerts: Vec<u8>,
        retried: Option<u64>,
        uncorrected: Option<u64>,
        recovered: u64,
        to_medium: Option<Bytes>,
    },
    /// All parts of an image are placed.
    ImagePlaced { dle: DleRef, level: Level, dump: DumpId, storage: StorageName, bytes: Bytes },
    /// Every storage has the image, and the holding disk no longer.
    ImageReleased { dump: DumpId },
    /// A volume is done with.
    VolumeFinished { label: Label, bytes: Bytes, files: u32, why: String },
    /// A drive, or what was in it, failed.
    DriveFailed { drive: DriveName, blame: String, why: String },
    /// A volume is empty, and has no room for a single frame. Neither drive nor medium is to blame.
    VolumeTooSmall { storage: StorageName, label: Label, why: String },
    /// The file system that volumes of a storage lie on has no more room for them. Told once of each.
    DiskFull { storage: StorageName, path: String, free: Bytes },
    /// No volume could be had.
    NoVolume { storage: StorageName, why: String },
    /// The library of a storage could not be opened.
    NoLibrary { storage: StorageName, why: String },
    /// Something of the server itself stood in its way, and it went no further.
    BrokenOff { why: String },
    /// A storage takes no more in this run, and so many images are not in it that should be.
    StaysHeld {
        storage: StorageName,
        images: u64,
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// A holding disk is not at its place, and the run does without it.
    HoldingAway { disk: String, why: String, advice: String },
    /// A dump that was good is nowhere any more.
    DumpLost { dle: DleRef, level: Level, dump: DumpId, run: Stamp, why: String },
    /// How the site stands now that the run is over, as its report tells it.
    Stands { site: Standing },
    /// A signal asked the run to end.
    Interrupted,
    /// The run ended.
    Finished { outcome: Outcome },
}

/// A holding disk, and what the run may use of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its name in the configuration.
    pub name: String,
    /// How much there was when the run began.
    pub room: Bytes,
}

/// Seconds of a dump in which the server waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// For the next bytes of the client.
    pub client: f64,
    /// For the holding disk or the drive to take them.
    pub sink: f64,
    /// For space on the holding disk.
    pub room: f64,
}

/// DLEs that wait for the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What for, in words.
    pub why: String,
    /// How many they are.
    pub count: u64,
    /// The first of them.
    pub dles: Vec<DleRef>,
}

/// How many DLEs of a group are named.
pub const NAMED: usize = 20;

/// What has to change before a dump can go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Nobody could say how large it would be.
    Estimate,
    /// The agent could not be started.
    Start,
    /// The agent ended, or said nothing for too long.
    Agent,
    /// The agent said no.
    Refused,
    /// What the agent sent is not what it should be.
    Protocol,
    /// The holding disk.
    Holding,
    /// The drive.
    Drive,
    /// The server's own files.
    Server,
    /// A script said no.
    Script,
    /// The client lost what the level builds on.
    NoBase,
    /// It was stopped.
    Stopped,
    /// There was no space on the holding disks.
    Space,
    /// There was no volume to write to.
    Volumes,
    /// The run had begun as many volumes as `runtapes` allows.
    Runtapes,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

impl From<Hindrance> for Cause {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::Volumes => Self::Volumes,
            Hindrance::Runtapes => Self::Runtapes,
            Hindrance::Space => Self::Space,
            Hindrance::Stopped => Self::Stopped,
        }
    }
}

/// What a drive does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// It looks for a volume.
    Look,
    /// It gets a volume and makes it ready.
    Mount,
    /// It writes a held image.
    Write,
    /// It writes a dump that comes straight.
    Direct,
    /// It closes its volume.
    Finish,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

/// Where an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// To the holding disk first.
    Holding,
    /// Straight to a volume.
    Volume,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All well.
    Good,
    /// Done, with complaints.
    Strange,
    /// Some DLEs have no dump, or some images no volume.
    Failed,
    /// It was told to stop.
    Interrupted,
}

impl Outcome {
    /// The same for the catalogue.
    pub(crate) fn status(self) -> RunStatus {
        match self {
            Self::Good => RunStatus::Good,
            Self::Strange => RunStatus::Complaints,
            Self::Failed => RunStatus::Failed,
            Self::Interrupted => RunStatus::Interrupted,
        }
    }
}

impl RunEvent {
    /// What a script has to say, in a sentence; none for everything else.
    pub fn of_script(&self) -> Option<String> {
        let (script, at, about, text) = match self {
            Self::ScriptSaid { script, at, about, text, .. } => (script, at, about, text.clone()),
            Self::ScriptFailed { script, at, about, why } => {
                (script, at, about, format!("FAILED: {why}"))
            }
            _ => return None,
        };
        let about = about.as_ref().map(|about| format!(" of {about}")).unwrap_or_default();
        Some(format!("script {script} at {at}{about}: {text}"))
    }
}

/// That a file system has no more room for volumes, in words.
pub(crate) fn disk_full(path: &str, free: Bytes) -> String {
    format!("the file system under {path} is full: {free} free")
}

/// The log of a run, open for appending.
#[derive(Debug)]
pub struct RunLog {
    file: File,
}

impl RunLog {
    /// Makes the log of `run` in `directory`.
    pub fn create(directory: &Path, run: Stamp) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let file = OpenOptions::new().create(true).append(true).open(path(directory, run))?;
        Ok(Self { file })
    }

    /// Appends one event. A whole line goes out in one write, so that a reader never sees half of one that
    /// another line follows.
    pub fn append(&mut self, time: i64, event: RunEvent) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Logged { time, event })?;
        line.push(b'\n');
        self.file.write_all(&line)
    }
}

/// Where the log of a run lies.
pub fn path(directory: &Path, run: Stamp) -> PathBuf {
    directory.join(format!("{run}.jsonl"))
}

/// Takes all that was logged of a run, line by line. Those that a crash cut short or that a later version wrote are
/// passed over.
pub fn each(directory: &Path, run: Stamp, take: impl FnMut(Logged)) -> io::Result<()> {
    Follower::open(directory, run)?.more(take)
}

/// All of it at once: there may be hundreds of thousands of lines.
pub fn read(directory: &Path, run: Stamp) -> io::Result<Vec<Logged>> {
    let mut all = Vec::new();
    each(directory, run, |line| all.push(line))?;
    Ok(all)
}

/// The event of one line; none if it is no event that this version knows.
pub fn event(line: &[u8]) -> Option<Logged> {
    // Text is proved once for the line, and not again for each word in it.
    serde_json::from_str(std::str::from_utf8(line).ok()?).ok()
}

/// So many bytes of a log are read at once.
const AT_ONCE: usize = 1 << 16;
/// A longer line is passed over, and not kept until its end. The longest that a run writes names each DLE of a site.
const LONGEST: usize = 1 << 26;

/// The log of a run, read as it grows.
#[derive(Debug)]
pub struct Follower {
    file: BufReader<File>,
    /// What came of a line that has no end yet.
    begun: Vec<u8>,
    /// What had come of that line before was too much.
    too_long: bool,
}

impl Follower {
    /// Begins before the first line.
    pub fn open(directory: &Path, run: Stamp) -> io::Result<Self> {
        let file = BufReader::with_capacity(AT_ONCE, File::open(path(directory, run))?);
        Ok(Self { file, begun: Vec::new(), too_long: false })
    }

    /// Takes what was logged since the last time.
    pub fn more(&mut self, mut take: impl FnMut(Logged)) -> io::Result<()> {
        loop {
            let room = LONGEST.saturating_sub(self.begun.len()) as u64;
            self.file.by_ref().take(room).read_until(b'\n', &mut self.begun)?;
            if self.begun.ends_with(b"\n") {
                event(&self.begun).filter(|_| !self.too_long).into_iter().for_each(&mut take);
                self.too_long = false;
            } else if self.begun.len() < LONGEST {
                return Ok(());
            } else {
                self.too_long = true;
            }
            self.begun.clear();
        }
    }
}

/// The runs that have a log, oldest first.
pub fn runs(directory: &Path) -> io::Result<Vec<Stamp>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut stamps = Vec::new();
    for entry in entries {
        let entry = entry?;
        // Whoever opened a pipe would wait for its other end.
        if !entry.file_type()?.is_file() {
            continue;
        }
        let name = entry.file_name();
        let stamp = name
            .to_str()
            .and_then(|name| name.strip_suffix(".jsonl"))
            .and_then(|stem| stem.parse::<Stamp>().ok());
        stamps.extend(stamp);
    }
    stamps.sort();
    Ok(stamps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_and_an_unknown_event_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let run: Stamp = "20260102030405".parse().unwrap();
        let mut log = RunLog::create(dir.path(), run).unwrap();
        log.append(1, RunEvent::Interrupted).unwrap();
        log.file.write_all(b"{\"time\":2,\"event\":\"of-the-future\",\"x\":1}\n").unwrap();
        log.append(3, RunEvent::Finished { outcome: Outcome::Good }).unwrap();
        log.file
            .write_all(b"\xff\xfe\n\n[]\n{\"time\":\"x\",\"event\":\"interrupted\"}\n")
            .unwrap();
        log.file.write_all(b"{\"time\":4,\"ev").unwrap();
        let times: Vec<i64> = read(dir.path(), run).unwrap().iter().map(|line| line.time).collect();
        assert_eq!(times, [1, 3]);
        assert_eq!(runs(dir.path()).unwrap(), [run]);
    }

    #[test]
    fn a_log_is_followed_as_it_grows_and_half_a_line_waits_for_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let run: Stamp = "20260102030405".parse().unwrap();
        let mut log = RunLog::create(dir.path(), run).unwrap();
        let mut follower = Follower::open(dir.path(), run).unwrap();
        let mut times = || {
            let mut times = Vec::new();
            follower.more(|line| times.push(line.time)).unwrap();
            times
        };
        log.append(1, RunEvent::Interrupted).unwrap();
        log.file.write_all(b"{\"time\":2,\"event\":\"inter").unwrap();
        assert_eq!(times(), [1]);
        assert_eq!(times(), [0i64; 0]);
        log.file.write_all(b"rupted\"}\n").unwrap();
        log.append(3, RunEvent::Interrupted).unwrap();
        assert_eq!(times(), [2, 3]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let run: Stamp = "20260102030405".parse().unwrap();
        let mut log = RunLog::create(dir.path(), run).unwrap();
        let mut follower = Follower::open(dir.path(), run).unwrap();
        let mut seen = Vec::new();
        for _ in 0..4 {
            log.file.write_all(&vec![b' '; LONGEST / 4]).unwrap();
            follower.more(|line| seen.push(line.time)).unwrap();
        }
        assert!(follower.begun.is_empty(), "it waits for no end of it");
        // What comes of that line now would be an event by itself.
        log.append(2, RunEvent::Interrupted).unwrap();
        log.append(3, RunEvent::Interrupted).unwrap();
        follower.more(|line| seen.push(line.time)).unwrap();
        assert_eq!(seen, [3]);
    }

    #[test]
    fn what_is_written_is_read_again_whatever_its_fields() {
        let dle = DleRef { host: "h".parse().unwrap(), dle: "/\u{e9}\"".parse().unwrap() };
        let other = dle.clone();
        let events = [
            RunEvent::Interrupted,
            RunEvent::DumpTrouble { dle: dle.clone(), cause: Cause::NoBase },
            RunEvent::Waiting {
                groups: vec![Group { why: "space".to_owned(), count: 3, dles: vec![dle] }],
            },
            RunEvent::ScriptSaid {
                script: "s".to_owned(),
                at: ScriptPoint::PreBackup,
                about: None,
                complaint: true,
                text: "a\nb".to_owned(),
            },
            RunEvent::DleFailed { dle: other, why: "no".to_owned(), cause: Some(Cause::Space) },
            RunEvent::Finished { outcome: Outcome::Strange },
        ];
        for event in events {
            let line = serde_json::to_string(&Logged { time: -7, event }).unwrap();
            let read: Logged = serde_json::from_str(&line).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), line);
        }
    }

    #[test]
    fn a_word_of_a_later_version_costs_no_more_than_its_meaning() {
        let line = r#"{"time":5,"event":"drive-began","drive":"d0","work":"polish","dump":null,"more":[1]}"#;
        let read: Logged = serde_json::from_str(line).unwrap();
        assert!(matches!(read.event, RunEvent::DriveBegan { work: Work::Other, .. }), "{read:?}");
    }
}
