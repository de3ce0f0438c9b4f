//! The rows, and the text that they are kept as.

use serde::{Deserialize, Serialize};
use types::{
    Barcode, BlockSize, Bytes, Digest, DleName, DumpId, FileNo, HostName, Label, Level, PartNo,
    PoolName, Stamp, StorageName,
};

use super::{RecordsError, VERSION};

/// What the rows are about: the first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Of the rows.
    pub version: u32,
    /// The run that left them.
    pub run: Stamp,
    /// The volume that they were written to.
    pub label: Label,
    /// The program that wrote them, with its version.
    #[serde(default)]
    pub program: String,
}

/// What a run was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// A night.
    Dump,
    /// Holding to volumes.
    Flush,
    /// Volumes to another storage.
    Vault,
    /// Read from volumes.
    Import,
}

/// How far a run had come when the records were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// It was still going on, as is usual.
    Unfinished,
    /// All went well.
    Good,
    /// There were complaints.
    Complaints,
    /// Nothing was achieved.
    Failed,
    /// It was stopped.
    Interrupted,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its name.
    pub stamp: Stamp,
    /// What it was for.
    pub kind: RunKind,
    /// When it began.
    pub started: Stamp,
    /// When it ended, if it had.
    #[serde(default)]
    pub finished: Option<Stamp>,
    /// How far it had come.
    pub status: RunStatus,
    /// The program that ran.
    #[serde(default)]
    pub program: String,
}

/// A DLE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DleRow {
    /// Its host.
    pub host: HostName,
    /// Its name.
    pub dle: DleName,
    /// Since when it is known.
    pub since: Stamp,
}

/// How a dump went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DumpStatus {
    /// All is in it.
    Good,
    /// It finished, with complaints.
    Strange,
    /// It was cut off.
    Partial,
    /// There is no image.
    Failed,
}

/// A dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpRow {
    /// Its name.
    pub id: DumpId,
    /// Its host.
    pub host: HostName,
    /// Its DLE.
    pub dle: DleName,
    /// The run that made it.
    pub run: Stamp,
    /// Its level.
    pub level: Level,
    /// What it builds on; none at level 0.
    #[serde(default)]
    pub base: Option<DumpId>,
    /// How it went.
    pub status: DumpStatus,
    /// When it began.
    pub started: Stamp,
    /// When it ended.
    pub finished: Stamp,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub millis: u64,
    /// Bytes of its tar.
    pub raw: Bytes,
    /// Bytes of its image.
    pub stored: Bytes,
    /// Entries in it.
    pub entries: u64,
    /// Frames of its image, the contents included.
    pub frames: u32,
    /// Of its index file.
    #[serde(default)]
    pub index_sha256: Option<Digest>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRow {
    /// Its name.
    pub label: Label,
    /// The volumes that it is used like.
    pub pool: PoolName,
    /// The storage that writes it.
    pub storage: StorageName,
    /// What its sticker says.
    #[serde(default)]
    pub barcode: Option<Barcode>,
    /// The length of its blocks.
    pub block_size: BlockSize,
    /// When it was labelled.
    pub labelled: Stamp,
    /// The run that wrote it first since then.
    #[serde(default)]
    pub first_written: Option<Stamp>,
}

/// What the operator said of a volume, and held when the records were written: it stands on no volume itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRow {
    /// Which volume.
    pub label: Label,
    /// The stamp in its label, so that another volume that got its name is not taken for it.
    #[serde(default)]
    pub labelled: Option<Stamp>,
    /// It is not to be reused.
    #[serde(default)]
    pub no_reuse: bool,
    /// It is not to be reused before then.
    #[serde(default)]
    pub until: Option<Stamp>,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// Who said so.
    #[serde(default)]
    pub by: String,
    /// When.
    #[serde(default)]
    pub at: Option<Stamp>,
    /// It is read, but never written again.
    #[serde(default)]
    pub retired: bool,
    /// Where it is, if it is not at hand.
    #[serde(default)]
    pub off_site: Option<String>,
    /// Since when.
    #[serde(default)]
    pub off_site_since: Option<Stamp>,
}

/// A part, where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// Of which dump.
    pub dump: DumpId,
    /// The storage that has this copy.
    pub storage: StorageName,
    /// Which part.
    pub no: PartNo,
    /// The run that wrote it.
    pub run: Stamp,
    /// The volume that it lies on.
    pub label: Label,
    /// In which file.
    pub file: FileNo,
    /// At which block the file begins, by the drive's count.
    #[serde(default)]
    pub block: u64,
    /// Its first frame.
    pub first_frame: u32,
    /// Its last frame.
    pub last_frame: u32,
    /// Where in the image it begins.
    pub offset: Bytes,
    /// How long it is, without header and filler.
    pub bytes: Bytes,
    /// SHA-256 of the image up to its end.
    #[serde(default)]
    pub sha256_so_far: Option<Digest>,
}

/// What a run leaves on each of its volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecords {
    /// What the rows are about.
    pub head: Head,
    /// The run, and those whose dumps it wrote.
    pub runs: Vec<RunRow>,
    /// The DLEs of the dumps.
    pub dles: Vec<DleRow>,
    /// The dumps.
    pub dumps: Vec<DumpRow>,
    /// The volumes that the run wrote to so far.
    pub volumes: Vec<VolumeRow>,
    /// The parts that it placed so far.
    pub parts: Vec<PartRow>,
    /// The locks of all volumes there were.
    pub holds: Vec<HoldRow>,
}

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
enum Row {
    Records(Head),
    Run(RunRow),
    Dle(DleRow),
    Dump(DumpRow),
    Volume(VolumeRow),
    Part(PartRow),
    Hold(HoldRow),
    /// What a later program added.
    #[serde(other)]
    Unknown,
}

impl RunRecords {
    /// No rows yet.
    pub fn new(run: Stamp, label: Label, program: &str) -> Self {
        Self::of(Head { version: VERSION, run, label, program: program.to_owned() })
    }

    fn of(head: Head) -> Self {
        let (runs, dles, dumps, volumes, parts, holds) = Default::default();
        Self { head, runs, dles, dumps, volumes, parts, holds }
    }

    /// One row a line.
    pub(super) fn to_text(&self) -> Vec<u8> {
        let rows = std::iter::once(Row::Records(self.head.clone()))
            .chain(self.runs.iter().cloned().map(Row::Run))
            .chain(self.dles.iter().cloned().map(Row::Dle))
            .chain(self.dumps.iter().cloned().map(Row::Dump))
            .chain(self.volumes.iter().cloned().map(Row::Volume))
            .chain(self.parts.iter().cloned().map(Row::Part))
            .chain(self.holds.iter().cloned().map(Row::Hold));
        let mut text = Vec::new();
        for row in rows {
            // Nothing in a row can refuse to become JSON: no maps, no floats, all text is Unicode.
            if let Ok(line) = serde_json::to_vec(&row) {
                text.extend_from_slice(&line);
                text.push(b'\n');
            }
        }
        text
    }

    /// The rows of such a text.
    pub(super) fn from_text(text: &[u8]) -> Result<Self, RecordsError> {
        let mut lines = text.split(|byte| *byte == b'\n').enumerate();
        let row = |(at, line): (usize, &[u8])| {
            serde_json::from_slice(line)
                .map_err(|source| RecordsError::Row { line: at + 1, source })
        };
        let Some(Ok(Row::Records(head))) = lines.next().map(row) else {
            return Err(RecordsError::NoHead);
        };
        if head.version > VERSION {
            return Err(RecordsError::TooNew(head.version));
        }
        let mut records = Self::of(head);
        for line in lines.filter(|(_, line)| !line.is_empty()) {
            match row(line)? {
                Row::Run(run) => records.runs.push(run),
                Row::Dle(dle) => records.dles.push(dle),
                Row::Dump(dump) => records.dumps.push(dump),
                Row::Volume(volume) => records.volumes.push(volume),
                Row::Part(part) => records.parts.push(part),
                Row::Hold(hold) => records.holds.push(hold),
                Row::Records(_) | Row::Unknown => {}
            }
        }
        Ok(records)
    }
}
