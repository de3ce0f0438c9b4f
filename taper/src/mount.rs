//! From a cartridge in a drive to a volume that may be written, step by step.
//!
//! ```text
//!  Loaded ──identify──► Mounted ──append──────────► Appending ──write_part, flush──► Placed
//!                         │    └──relabel(Reusable)──►  ▲                     ▲
//!                         │                             │                     └ the only proof that a part
//!                       Blank ──label───────────────────┤                       is on the medium
//!                       Foreign ──overwrite(Consent)────┘
//! ```
//!
//! Each of these values holds the drive, and each step takes one and gives the next. A device error gives
//! nothing back: after it nobody knows where the medium stands, so whoever wants to go on lends the drive to
//! a new [`Loaded`] and reads the label again. That is why all of this takes any `D: Drive`, `&mut` ones too.
//!
//! What must never happen: that a volume is written which is not the one that was meant, or at a place where
//! something still stands. So a label is written only over nothing, over what the catalogue gave back, or
//! over what an operator named; and parts are written only behind the last file that is on the medium.

use devices::{Drive, DriveError, LastBlock, Limits, Met, Position};
use format::header::{self, Header, TapeStart};
use types::{Blame, BlockSize, DumpId, FileNo, Label, ObjectNo, PartNo, PoolName, Stamp};

use crate::catalogue::Reusable;
use crate::label::Found;

mod appending;
mod part;

pub use appending::{Appending, Leftover, Records, is_records};
pub use part::{Ended, Outcome, PartFacts, Placed, Reached, WriteError};

/// A cartridge is in the drive, and nothing else is known of it.
#[derive(Debug)]
pub struct Loaded<D> {
    drive: D,
}

/// What is on a cartridge.
#[derive(Debug)]
#[must_use]
pub enum Identified<D> {
    /// A volume.
    Labelled(Mounted<D>),
    /// Nothing at all.
    Blank(Blank<D>),
    /// Something else, that somebody may want.
    Foreign(Foreign<D>),
}

/// A volume whose label was read from the medium.
#[derive(Debug)]
pub struct Mounted<D> {
    pub(crate) drive: D,
    start: TapeStart,
    /// How long the label's block is.
    block: BlockSize,
}

/// A medium that was never written, or was erased.
#[derive(Debug)]
pub struct Blank<D> {
    drive: D,
}

/// A medium with something on it that is no volume of ours.
#[derive(Debug)]
pub struct Foreign<D> {
    drive: D,
    what: String,
    kind: Kind,
}

/// Whose the first block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nobody of whom we know.
    SomethingElse,
    /// Ours or Amanda's, but no label that we understand.
    Amandas,
}

/// A volume on which nothing was found that the catalogue does not know. Only [`Mounted::inspect`] makes one, and only of
/// such a volume is it enough that the catalogue gives leave.
#[derive(Debug)]
pub struct Inspected<D>(Mounted<D>);

/// A volume that was to be overwritten, and was not: its label was read again, and its data end where they ended.
///
/// Whatever overwrites a volume begins at its beginning, so a label that is still there, with the data behind it, shows
/// that nothing was written. Only [`Mounted::untouched`] gives it.
#[derive(Debug, PartialEq, Eq)]
pub struct Untouched(Label);

impl Untouched {
    /// Which volume.
    pub fn label(&self) -> &Label {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn for_tests(label: Label) -> Self {
        Self(label)
    }
}

/// A person who was shown what a foreign medium holds has said that it may be overwritten.
#[derive(Debug)]
#[must_use]
pub struct Consent {
    shown: String,
}

impl Consent {
    /// For the command that asked, and was answered. `shown` is what the person was told about the medium.
    pub fn to_overwrite(shown: impl Into<String>) -> Self {
        Self { shown: shown.into() }
    }
}

/// A volume could not be brought to where it was wanted.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The drive, or the medium, failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The leave, or the catalogue, is about another volume.
    #[error("volume {mounted} is in the drive, and volume {wanted} is wanted: nothing was written")]
    OtherVolume {
        /// The label that was read.
        mounted: Label,
        /// The one that was expected.
        wanted: Label,
    },
    /// It was labelled at another time than the catalogue knows.
    #[error(
        "volume {label} was labelled in run {found}, and the catalogue knows it from run {wanted}: is there \
         another volume of this name? Nothing was written"
    )]
    OtherTime {
        /// Which.
        label: Label,
        /// What its label says.
        found: String,
        /// What the catalogue says.
        wanted: String,
    },
    /// The volume has less than the catalogue knows of.
    #[error(
        "volume {label} ends at file {end}, and the catalogue knows of file {last} on it: it was written over \
         by somebody else. Nothing was written; check the volume, and retire it"
    )]
    TooShort {
        /// Which.
        label: Label,
        /// The first file that it does not have.
        end: FileNo,
        /// The last that it should have.
        last: FileNo,
    },
    /// The last known file is another.
    #[error(
        "file {file} of volume {label} is {found}, and {wanted} should be there: nothing was written; check \
         the volume, and retire it"
    )]
    OtherFile {
        /// Which volume.
        label: Label,
        /// Which file.
        file: FileNo,
        /// What is there.
        found: String,
        /// What should be.
        wanted: String,
    },
    /// There is more on it than the catalogue knows.
    #[error(
        "file {file} of volume {label} is {found}, of which the catalogue knows nothing: nothing was written. \
         If the catalogue was lost, rebuild it from this volume first"
    )]
    Unknown {
        /// Which volume.
        label: Label,
        /// Which file.
        file: FileNo,
        /// What is there.
        found: String,
    },
    /// The drive says that the medium stands elsewhere than where it was written.
    #[error(
        "drive {drive} says that volume {label} now ends at {found}, and {wanted} was expected: what was \
         written since the last flush does not count"
    )]
    OtherPlace {
        /// Which drive.
        drive: String,
        /// Which volume.
        label: Label,
        /// What the drive says.
        found: Position,
        /// What was written.
        wanted: Position,
    },
    /// There is not even room for the label.
    #[error("there is no room for a label in drive {0}: the medium is full")]
    NoRoom(String),
    /// A header cannot be written.
    #[error("a header could not be made")]
    Header(#[source] header::HeaderError),
}

impl VolumeError {
    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Drive(error) => error.blame,
            Self::OtherPlace { .. } => Blame::Drive,
            Self::Header(_) => Blame::Host,
            _ => Blame::Medium,
        }
    }
}

/// A label to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLabel {
    /// The name.
    pub label: Label,
    /// The run that begins the volume; none if it is only labelled.
    pub stamp: Option<Stamp>,
    /// The pool it belongs to.
    pub pool: Option<PoolName>,
}

/// What the catalogue knows of a volume that is to be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its label.
    pub label: Label,
    /// The stamp in its label, if the catalogue remembers it.
    pub written: Option<Stamp>,
    /// Its last file.
    pub last: LastFile,
    /// Which objects files begin at, as far as it is known: a drive goes straight there.
    pub objects: Vec<(FileNo, ObjectNo)>,
}

/// The last file of a volume, as the catalogue knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastFile {
    /// Only the label.
    Label,
    /// A part of a dump.
    Part {
        /// Where.
        file: FileNo,
        /// Of which dump.
        dump: DumpId,
        /// Which part.
        part: PartNo,
    },
    /// Something that is no part of a dump, as the records of a run.
    Other {
        /// Where.
        file: FileNo,
    },
}

impl LastFile {
    /// Its number.
    pub fn file(self) -> FileNo {
        match self {
            Self::Label => FileNo::LABEL,
            Self::Part { file, .. } | Self::Other { file } => file,
        }
    }
}

impl<D: Drive> Loaded<D> {
    /// The cartridge in this drive.
    pub fn new(drive: D) -> Self {
        Self { drive }
    }

    /// Reads file 0.
    pub fn identify(mut self) -> Result<Identified<D>, VolumeError> {
        self.drive.rewind()?;
        let mut block = vec![0; BlockSize::LARGEST.len()];
        let first = match self.drive.read_block(&mut block)? {
            Met::Block(length) => &block[..length],
            Met::EndOfData => return Ok(Identified::Blank(Blank { drive: self.drive })),
            Met::Filemark => return self.behind_an_empty_file(),
        };
        let (what, kind) = match header::decode(first) {
            Ok(Header::TapeStart(start)) => {
                let block = BlockSize::new(first.len() as u64).unwrap_or(BlockSize::HEADER);
                return Ok(Identified::Labelled(Mounted { drive: self.drive, start, block }));
            }
            Ok(Header::Empty) => {
                ("a block of zeros where a label should be".to_owned(), Kind::SomethingElse)
            }
            Ok(Header::Weird) => {
                (format!("no label, but {}", beginning(first)), Kind::SomethingElse)
            }
            Ok(other) => (format!("{} where a label should be", described(&other)), Kind::Amandas),
            Err(error) => {
                (format!("a damaged label ({error}): {}", beginning(first)), Kind::Amandas)
            }
        };
        Ok(Identified::Foreign(Foreign { drive: self.drive, what, kind }))
    }

    /// `mt weof` leaves a filemark and nothing else. But there may be data behind it.
    fn behind_an_empty_file(mut self) -> Result<Identified<D>, VolumeError> {
        let mut block = vec![0; BlockSize::LARGEST.len()];
        let drive = match self.drive.read_block(&mut block)? {
            Met::Block(_) => {
                let what = "no label, but data behind an empty file".to_owned();
                let (drive, kind) = (self.drive, Kind::SomethingElse);
                return Ok(Identified::Foreign(Foreign { drive, what, kind }));
            }
            Met::Filemark | Met::EndOfData => self.drive,
        };
        Ok(Identified::Blank(Blank { drive }))
    }
}

impl<D: Drive> Blank<D> {
    /// Writes a label on a medium that has none.
    pub fn label(self, label: NewLabel) -> Result<Appending<D>, VolumeError> {
        Appending::begin(self.drive, label)
    }

    /// The drive again.
    pub fn into_drive(self) -> D {
        self.drive
    }
}

impl<D: Drive> Foreign<D> {
    /// What is there, for a person.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The same for a scan: a label that nobody understands is not *data of something else*.
    pub fn found(&self) -> Found {
        match self.kind {
            Kind::SomethingElse => Found::Foreign(self.what.clone()),
            Kind::Amandas => Found::Unreadable(self.what.clone()),
        }
    }

    /// Writes a label over it. All that was there is gone.
    pub fn overwrite(self, consent: Consent, label: NewLabel) -> Result<Appending<D>, VolumeError> {
        let (drive, found, shown) = (self.drive.name(), self.what, consent.shown);
        tracing::warn!(%drive, label = %label.label, found, shown, "overwriting as the operator said");
        Appending::begin(self.drive, label)
    }

    /// The drive again.
    pub fn into_drive(self) -> D {
        self.drive
    }
}

impl<D: Drive> Mounted<D> {
    /// The label that was read.
    pub fn label(&self) -> &Label {
        &self.start.label
    }

    /// All that file 0 says. Its stamp is none if nothing was written since the volume was labelled.
    pub fn start(&self) -> &TapeStart {
        &self.start
    }

    /// The length of the blocks that data stand in: on tape that of the label, in a directory the drive's.
    pub fn data_block(&self) -> BlockSize {
        let Limits { block, last_block, .. } = self.drive.limits();
        match last_block {
            LastBlock::Filled => self.block,
            LastBlock::AsItIs => block,
        }
    }

    /// The drive again.
    pub fn into_drive(self) -> D {
        self.drive
    }

    /// The first file that the volume does not have.
    pub fn end_of_data(&mut self) -> Result<FileNo, VolumeError> {
        Ok(self.drive.to_end_of_data()?.file)
    }

    /// Whether the volume is as it was before somebody tried to overwrite it: its label said this, and its first file
    /// that is not was this one.
    pub fn untouched(
        mut self,
        before: &TapeStart,
        end: FileNo,
    ) -> Result<Option<Untouched>, VolumeError> {
        let same = self.start == *before && self.end_of_data()? >= end;
        Ok(same.then_some(Untouched(self.start.label)))
    }

    /// Takes the volume for something that nobody here knows: what it holds was shown to a person, or a rule
    /// of the operator's lets it be overwritten.
    pub fn into_foreign(self, what: impl Into<String>) -> Foreign<D> {
        Foreign { drive: self.drive, what: what.into(), kind: Kind::Amandas }
    }

    /// Looks whether all that is on the volume is known, before it is started afresh or erased.
    ///
    /// What the catalogue says of a volume says nothing of files that were written after the catalogue was lost, or put
    /// back from a copy. So files behind the last that it knows have to be parts of dumps that it `knows`, or records; and
    /// all files where the label has another stamp than it says. A label alone may have any stamp: so a run leaves it that was
    /// cut off between writing it and recording that.
    pub fn inspect(
        mut self,
        known: &Known,
        knows: impl Fn(DumpId) -> bool,
    ) -> Result<Inspected<D>, VolumeError> {
        self.look_for_unknown(known, knows)?;
        Ok(Inspected(self))
    }

    /// The same without proof: an error names the first file that is not known.
    pub fn look_for_unknown(
        &mut self,
        known: &Known,
        knows: impl Fn(DumpId) -> bool,
    ) -> Result<(), VolumeError> {
        let is_as_known = match self.check_label(known) {
            Ok(()) => true,
            Err(VolumeError::OtherTime { .. }) => false,
            Err(other) => return Err(other),
        };
        let mut file = FileNo::FIRST;
        if is_as_known {
            self.recall(&known.objects);
            file = known.last.file().next();
        }
        let end = self.end()?;
        while file < end {
            self.leftover(file, &knows)?;
            file = file.next();
        }
        Ok(())
    }

    /// Goes to the end of a volume that has room left, if it is as the catalogue knows it.
    ///
    /// Whole files behind the last that the catalogue knows are passed over, never overwritten: a run that
    /// was cut off between placing and recording leaves such. `knows` says whether a dump is in the
    /// catalogue at all; a part of one that is not makes an error, because then the catalogue was lost, or
    /// the volume is another site's. A file that has no filemark counts as nothing and is overwritten.
    pub fn append(
        mut self,
        known: &Known,
        knows: impl Fn(DumpId) -> bool,
    ) -> Result<Appending<D>, VolumeError> {
        self.check_label(known)?;
        self.recall(&known.objects);
        let end = self.end()?;
        let last = known.last.file();
        if end <= last {
            let label = self.start.label;
            return Err(VolumeError::TooShort { label, end, last });
        }
        self.check_last(known.last)?;
        let mut leftovers = Vec::new();
        let mut file = last.next();
        while file < end {
            leftovers.push(self.leftover(file, &knows)?);
            file = file.next();
        }
        self.drive.locate(Position::start_of(end))?;
        Ok(Appending::behind(self.drive, self.start, end, leftovers))
    }

    fn check_label(&self, known: &Known) -> Result<(), VolumeError> {
        let TapeStart { label, stamp, .. } = &self.start;
        if known.label != *label {
            let (mounted, wanted) = (label.clone(), known.label.clone());
            return Err(VolumeError::OtherVolume { mounted, wanted });
        }
        match known.written {
            Some(wanted) if *stamp != Some(wanted) => {
                let found = stamp.map_or_else(|| "X".to_owned(), |stamp| stamp.to_string());
                let (label, wanted) = (label.clone(), wanted.to_string());
                Err(VolumeError::OtherTime { label, found, wanted })
            }
            _ => Ok(()),
        }
    }

    fn check_last(&mut self, last: LastFile) -> Result<(), VolumeError> {
        let LastFile::Part { file, dump, part } = last else { return Ok(()) };
        let found = self.header_of(file)?;
        if found.as_ref().and_then(part_of) == Some((dump, part)) {
            return Ok(());
        }
        let (label, found) = (self.start.label.clone(), told(found.as_ref()));
        let wanted = format!("part {part} of dump {dump}");
        Err(VolumeError::OtherFile { label, file, found, wanted })
    }

    fn leftover(
        &mut self,
        file: FileNo,
        knows: &impl Fn(DumpId) -> bool,
    ) -> Result<Leftover, VolumeError> {
        let header = self.header_of(file)?;
        match header.as_ref().and_then(part_of) {
            Some((dump, part)) if knows(dump) => Ok(Leftover::Part { file, dump, part }),
            None if header.as_ref().is_some_and(appending::is_records) => {
                Ok(Leftover::Records { file })
            }
            _ => {
                let (label, found) = (self.start.label.clone(), told(header.as_ref()));
                Err(VolumeError::Unknown { label, file, found })
            }
        }
    }

    /// Tells the drive which objects files begin at. What it makes of it, it proves when it goes there.
    pub fn recall(&mut self, objects: &[(FileNo, ObjectNo)]) {
        for (file, object) in objects {
            self.drive.recall(*file, *object);
        }
    }

    /// The number of the first file that the volume does not have. A file without its filemark is none.
    pub fn end(&mut self) -> Result<FileNo, VolumeError> {
        Ok(self.drive.to_end_of_data()?.file)
    }

    /// The header of a file; `None` if it has none that can be read.
    pub fn header_of(&mut self, file: FileNo) -> Result<Option<Header>, VolumeError> {
        self.drive.locate(Position::start_of(file))?;
        let mut block = vec![0; BlockSize::LARGEST.len()];
        Ok(match self.drive.read_block(&mut block)? {
            Met::Block(length) => header::decode(&block[..length]).ok(),
            Met::Filemark | Met::EndOfData => None,
        })
    }
}

impl<D: Drive> Inspected<D> {
    /// Starts the volume afresh, under its label, in the pool it was in. All that was on it is gone.
    pub fn relabel(self, leave: Reusable, stamp: Stamp) -> Result<Appending<D>, VolumeError> {
        let TapeStart { label, pool, .. } = self.0.start.clone();
        self.label_anew(leave, NewLabel { label, stamp: Some(stamp), pool })
    }

    /// Starts the volume afresh, under whatever label. All that was on it is gone.
    pub fn label_anew(self, leave: Reusable, label: NewLabel) -> Result<Appending<D>, VolumeError> {
        let mounted = self.0.start.label;
        if *leave.label() != mounted {
            let wanted = leave.label().clone();
            return Err(VolumeError::OtherVolume { mounted, wanted });
        }
        Appending::begin(self.0.drive, label)
    }
}

/// Which part a header is of, if it is one of ours.
fn part_of(header: &Header) -> Option<(DumpId, PartNo)> {
    match header {
        Header::SplitFile { part, dump, .. } => Some((dump.ours.as_ref()?.dump, *part)),
        _ => None,
    }
}

fn told(header: Option<&Header>) -> String {
    header.map_or_else(|| "something without a header".to_owned(), described)
}

fn described(header: &Header) -> String {
    match header {
        Header::TapeStart(start) => format!("the label {}", start.label),
        Header::TapeEnd => "an end of tape".to_owned(),
        Header::Noop | Header::Empty | Header::Weird => "something that is no dump".to_owned(),
        Header::File(dump) | Header::ContFile(dump) => {
            format!("a dump of {}:{}, level {}", dump.host, dump.disk, dump.level)
        }
        Header::SplitFile { part, dump, .. } => {
            let by = if dump.ours.is_some() { "" } else { ", not Reelkeep's" };
            let (host, disk, level) = (&dump.host, &dump.disk, dump.level);
            format!("part {part} of a dump of {host}:{disk}, level {level}{by}")
        }
    }
}

/// The first bytes of something, for a person to recognise.
fn beginning(block: &[u8]) -> String {
    let text = String::from_utf8_lossy(&block[..block.len().min(40)]);
    format!("{} bytes that begin with {text:?}", block.len())
}

#[cfg(test)]
mod tests;
