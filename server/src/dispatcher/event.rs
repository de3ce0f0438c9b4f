//! What the dispatcher is told, and what it asks for.
//!
//! Each action that starts something is answered, sooner or later, by exactly one of the events named in
//! its description. That is all the loop around the dispatcher has to promise; the order in which answers
//! of different dumps and drives come does not matter, and events about something that is already over are
//! ignored.

use types::{Blame, Bytes, DleRef, DriveId, DumpId, Label, Level, StorageName};

use super::space::{DiskNo, Reservation, Share};

/// Whether a run begins a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Yes: it is one of its `runtapes`.
    New,
    /// No: an earlier run did, and what that left is written full. So many images are on it already.
    GoesOn {
        /// Those that end on it and those that only begin there.
        images: u32,
    },
}

impl Start {
    /// How many images are on the volume before this run writes to it.
    pub(super) fn images(self) -> u32 {
        match self {
            Self::New => 0,
            Self::GoesOn { images } => images,
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The run begins. Comes once, first.
    Started,
    /// So many seconds of the run are over. Answers [`Action::WakeAt`]; may also come at any other time.
    Time(u64),
    /// The image is whole and durable on the holding disk, the catalogue says so, and the client knows.
    /// Ends a dump to holding. From now on the image is written when the dispatcher says so.
    Held {
        /// Which dump.
        dump: DumpId,
        /// Its size before compression.
        raw: Bytes,
        /// The size of the image.
        stored: Bytes,
        /// What it takes on each holding disk, headers included. Space that was promised beyond it is free
        /// again.
        on: Vec<Share>,
    },
    /// The arriving image has used up its reservation. The dumper waits, until [`Action::MoreRoom`] or
    /// [`Action::AbortDump`].
    NeedsRoom {
        /// Which dump.
        dump: DumpId,
        /// What of the reservation is already taken, headers included.
        used: Bytes,
        /// A disk that had less space than was promised, because somebody else filled it. It is not used
        /// for anything new in this run.
        full: Option<DiskNo>,
    },
    /// The dump is over, and nothing is left of it: not on holding, not in the catalogue, not on the
    /// client. Ends a dump to holding or to a drive; the drive's volume stays mounted, or is mounted again
    /// by the drive when it is needed.
    DumpFailed {
        /// Which dump.
        dump: DumpId,
        /// What may help.
        failure: Failure,
        /// What happened, for the report.
        why: String,
    },
    /// There is a volume of the storage that this drive may write, though nothing was written to it yet. Answers
    /// [`Action::LookForVolume`].
    VolumeFound {
        /// Which drive.
        drive: DriveId,
    },
    /// There is none. Answers [`Action::LookForVolume`] and [`Action::MountVolume`]. If the drive was in the
    /// middle of an image, [`Action::EndImage`] follows.
    NoVolume {
        /// Which drive.
        drive: DriveId,
        /// What the scan says, in words for the operator.
        why: String,
    },
    /// The volume stands ready to be written. Answers [`Action::MountVolume`]. If the drive was in the
    /// middle of an image, it goes on with it by itself.
    VolumeMounted {
        /// Which drive.
        drive: DriveId,
        /// Which volume.
        label: Label,
        /// What it still takes, if that is known.
        room: Option<Bytes>,
        /// Whether the run begins it.
        start: Start,
    },
    /// The volume took no more, and was closed as by [`Action::FinishVolume`]. The rest of the image waits
    /// for [`Action::MountVolume`], [`Action::EndImage`] or, when it is a dump straight to the drive,
    /// [`Action::AbortDump`].
    VolumeFull {
        /// Which drive.
        drive: DriveId,
    },
    /// As [`Event::VolumeFull`], but the volume has room by itself: what it lies on has none. Such a volume is none of
    /// those that the run may begin.
    DiskFull {
        /// Which drive.
        drive: DriveId,
    },
    /// A part is on the medium, flushed, and the catalogue says so.
    PartPlaced {
        /// Which drive.
        drive: DriveId,
        /// Of which dump.
        dump: DumpId,
        /// How much of the image it is.
        stored: Bytes,
    },
    /// All parts are placed, and the catalogue says so. Ends [`Action::WriteImage`], and [`Action::StartDump`]
    /// straight to a drive. The volume stays mounted. The copy on holding stays until [`Action::Release`].
    ImagePlaced {
        /// Which drive.
        drive: DriveId,
        /// Which dump.
        dump: DumpId,
    },
    /// The image was not written to its end, by order. It is still on holding. Answers
    /// [`Action::EndImage`].
    ImageEnded {
        /// Which drive.
        drive: DriveId,
        /// Which dump.
        dump: DumpId,
    },
    /// The image could not be read from the holding disk. The drive is well and its volume stays mounted.
    /// Ends [`Action::WriteImage`].
    Unreadable {
        /// Which drive.
        drive: DriveId,
        /// Which dump.
        dump: DumpId,
        /// What the disk said.
        why: String,
    },
    /// The volume was closed with the run's records, and unloaded. Answers [`Action::FinishVolume`].
    VolumeFinished {
        /// Which drive.
        drive: DriveId,
    },
    /// The drive, or what is in it, could not do what it was asked. May take the place of every answer of a
    /// drive. Nobody knows where its tape stands: the loop forgets the volume. A held image that was being
    /// written stays on holding and goes on later with its first part that is not placed. A dump straight
    /// to this drive ends as well, with its own [`Event::DumpFailed`], before or after this.
    DriveFailed {
        /// Which drive.
        drive: DriveId,
        /// Who has to change.
        blame: Blame,
        /// What happened, for the report.
        why: String,
    },
    /// The operator wants no dump of this DLE tonight. What is held of it already stays good.
    Cancelled {
        /// Which DLE.
        dle: DleRef,
        /// Why, for the report.
        why: String,
    },
    /// The operator, or the system, wants the run to end.
    Interrupted(Haste),
}

/// What may help after a failed dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another try may go well: the connection broke, the client was busy.
    Retry,
    /// Another try makes no sense: no such directory, the client is not ours.
    Final,
    /// The client has lost what the level builds on. A full will do.
    NoBase,
    /// We said so: it answers [`Action::AbortDump`].
    Aborted,
}

/// Why a DLE has no dump, or a storage takes no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What stood in the way, for who gives advice. `None`: what the dump's own tries came to says more.
    pub hindrance: Option<Hindrance>,
    /// In words, for the operator.
    pub words: String,
}

/// What stood in the way of a dump, or of writing more to a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hindrance {
    /// A storage has no volume to write to, or no drive to do it with. What is said of the storage tells more.
    Volumes,
    /// The run has begun as many volumes as `runtapes` allows.
    Runtapes,
    /// Holding has no space for it.
    Space,
    /// The run was told to end, or the operator wanted no dump of this DLE.
    Stopped,
}

impl Reason {
    pub(super) fn of(hindrance: Hindrance, words: impl Into<String>) -> Self {
        Self { hindrance: Some(hindrance), words: words.into() }
    }

    /// What became of the tries says it.
    pub(super) fn of_tries(words: impl Into<String>) -> Self {
        Self { hindrance: None, words: words.into() }
    }

    /// The same, and this.
    pub(super) fn and(mut self, more: &str) -> Self {
        self.words.push_str("; ");
        self.words.push_str(more);
        self
    }
}

/// How fast a run has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// What was begun is finished (the first SIGINT).
    Finish,
    /// Dumps are aborted; writing stops where the volume can be closed well (SIGTERM, a second SIGINT).
    Stop,
}

/// Where a dump goes.
#[derive(Debug, PartialEq, Eq)]
pub enum To {
    /// To the holding disk, into this much promised space.
    Holding(Reservation),
    /// Straight to the volume that is mounted in this drive.
    Drive(DriveId),
}

/// Something to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Dump. Ends with [`Event::Held`] (to holding), [`Event::ImagePlaced`] (to a drive), or
    /// [`Event::DumpFailed`].
    StartDump {
        /// The id that the dump will have, if it comes to be.
        dump: DumpId,
        /// What.
        dle: DleRef,
        /// At which level.
        level: Level,
        /// Building on what.
        base: Option<DumpId>,
        /// Where it goes.
        to: To,
        /// Why this is not what the plan says, if it is not.
        change: Option<String>,
    },
    /// The dumper that waits may go on, into this much more space.
    MoreRoom {
        /// Which dump.
        dump: DumpId,
        /// The additional space.
        room: Reservation,
    },
    /// Stop the dump and leave nothing of it. Answered by [`Event::DumpFailed`] with
    /// [`Failure::Aborted`]; if it became whole in the meantime, by [`Event::Held`] or
    /// [`Event::ImagePlaced`] instead. No answer is owed for a dump that is already over.
    AbortDump {
        /// Which dump.
        dump: DumpId,
        /// Why, for the report.
        why: String,
    },
    /// Find out whether there is a volume to write, and write nothing. Answered by [`Event::VolumeFound`],
    /// [`Event::NoVolume`] or [`Event::DriveFailed`].
    LookForVolume {
        /// In or for which drive.
        drive: DriveId,
        /// Of which storage.
        storage: StorageName,
    },
    /// Load a volume of a storage, and make it ready to be written (label it, or append to it). Answered by
    /// [`Event::VolumeMounted`], [`Event::NoVolume`] or [`Event::DriveFailed`].
    MountVolume {
        /// Into which drive.
        drive: DriveId,
        /// Of which storage. A drive in the middle of an image keeps its storage.
        storage: StorageName,
        /// A volume that this run wrote before, and that was finished to make way for another storage, or mounted in a
        /// drive that was reset; `None`: the next one.
        again: Option<Label>,
    },
    /// Write a held image to the storage of the mounted volume, from its first part that is not yet placed there.
    /// [`Event::PartPlaced`] and
    /// [`Event::VolumeFull`] may come; ends with [`Event::ImagePlaced`], [`Event::Unreadable`],
    /// [`Event::DriveFailed`], or after [`Action::EndImage`] with [`Event::ImageEnded`].
    WriteImage {
        /// With which drive.
        drive: DriveId,
        /// Which image.
        dump: DumpId,
    },
    /// Write no further part of this image. Answered by [`Event::ImageEnded`] (or any other end of
    /// [`Action::WriteImage`] that came first).
    EndImage {
        /// Which drive.
        drive: DriveId,
        /// Which image.
        dump: DumpId,
        /// Why, for the report.
        why: String,
    },
    /// Every storage that it must get to has the image: it leaves holding. No answer is owed.
    Release {
        /// Which image.
        dump: DumpId,
        /// The storages that this run has placed it in, at least one.
        placed: Vec<StorageName>,
    },
    /// Write the run's records behind the last part, and unload. Answered by [`Event::VolumeFinished`] or
    /// [`Event::DriveFailed`].
    FinishVolume {
        /// In which drive.
        drive: DriveId,
    },
    /// Send [`Event::Time`] when so many seconds of the run are over. A later one takes the place of an
    /// earlier one.
    WakeAt(u64),
    /// This DLE has no dump tonight. Comes at most once for each, and for one that was dumped only if its
    /// image turned out to be unreadable.
    GiveUp {
        /// Which.
        dle: DleRef,
        /// Why.
        why: Reason,
    },
    /// Nothing is going on any more, and nothing will. Comes once, last.
    Done,
}
