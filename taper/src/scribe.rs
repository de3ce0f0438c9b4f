//! The scribe: writes one image on as many volumes as it takes.
//!
//! ```text
//!  image ──frames──► write_part ──► [part 1 │ part 2 │ part 3 …]  ──flush──► Placed ──► the catalogue
//!                        │ the volume is full                        commit points: every so many bytes,
//!                        └──► the next volume, from the next frame   at the end of a volume, of the image
//! ```
//!
//! A part counts when it was flushed, and only then is it reported. If a medium fails, everything since the
//! last flush is written again on another volume: an error that a drive reports now may belong to a block
//! that it took long ago. Whoever holds the image lets go of it only for what was reported.
//!
//! A drive that fails, or the host, ends the work: [`Stopped`] says how far it came, and another drive can go
//! on from there.

use std::error::Error;

use devices::Drive;
use format::header::Image;
use types::{Blame, Bytes, FileNo, Label};

use crate::mount::{Appending, Ended, Outcome, Placed, Reached, VolumeError, WriteError};

mod ahead;
mod running;
mod source;

pub use ahead::{Feed, Ring, VirtualDisk, ahead, ahead_by_turns};
pub(crate) use running::Hasher;
pub use running::Running;
pub use source::{Arrival, Chunks, FramePlace, HeldImage, ImageSource, LiveImage, SourceError};

/// What to write, and how.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// The dump, as the headers tell it.
    pub image: Image<'a>,
    /// How long a part may be. Without it, a part ends with its volume.
    pub part_size: Option<Bytes>,
    /// How much may be in the drive and not yet be certain.
    pub commit_every: Bytes,
}

/// Why a volume is wanted.
#[derive(Debug)]
pub enum Wanted<'a> {
    /// It is the first.
    First,
    /// The one before is full.
    Full(&'a Label),
    /// The one before is empty, and has no room for a single frame. Nothing has failed, and whoever finds volumes knows
    /// whether others are longer.
    TooSmall {
        /// The frame that it does not take.
        frame: Bytes,
    },
    /// The one before failed. What was not flushed is written again.
    Failed {
        /// Which.
        label: &'a Label,
        /// How.
        error: &'a WriteError,
    },
}

/// Whatever went wrong with somebody else's work.
pub type OtherError = Box<dyn Error + Send + Sync>;

/// Who finds volumes and keeps the catalogue.
pub trait Volumes<D> {
    /// Mounts a volume to be written, after closing the one that is done, if it can still be closed. After
    /// an error it can't: its drive must be opened again.
    fn next_volume(
        &mut self,
        why: Wanted<'_>,
        done: Option<Appending<D>>,
    ) -> Result<Appending<D>, OtherError>;

    /// How much has to be left on a volume when its drive says that the end is near: for the frame that is then
    /// being written, and for what is written when the volume is closed.
    fn keep_free(&self) -> Bytes {
        Bytes::ZERO
    }

    /// Whether all that was placed of the image up to here is still there. Where a volume failed, somebody may have
    /// written over it.
    fn is_still_placed(&mut self, _reached: &Reached) -> Result<bool, OtherError> {
        Ok(true)
    }

    /// Whether the image is to be gone on with, asked between two parts.
    fn wish(&mut self) -> Wish {
        Wish::GoOn
    }

    /// A part is on its medium: the catalogue may know it.
    fn placed(&mut self, part: &Placed) -> Result<(), OtherError>;
}

/// What is wanted of an image that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The next part.
    GoOn,
    /// What is written of it made certain, and no more.
    End,
}

/// An image was written, and is on its volumes.
#[derive(Debug)]
pub struct Finished<D> {
    /// The volume that it ended on, for the next image. None if there was nothing left to write.
    pub volume: Option<Appending<D>>,
    /// How far it is: behind the last frame, unless it was to [end](Wish::End) before.
    pub reached: Reached,
    /// Whether it is whole.
    pub extent: Extent,
}

/// How much of an image was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All.
    Whole,
    /// Some parts, and no more were wanted.
    Begun,
}

/// An image was not written to its end.
#[derive(Debug, thiserror::Error)]
#[error("the image was written only up to its frame {}, in part {}", .reached.frame, .reached.part)]
pub struct Stopped {
    /// All before this is placed, and was reported.
    pub reached: Box<Reached>,
    /// Why.
    #[source]
    pub cause: StopCause,
}

/// Why an image was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum StopCause {
    /// The drive, the host, or the image itself failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// No volume is to be had.
    #[error("no volume is to be had")]
    NoVolume(#[source] OtherError),
    /// Nobody could record what was placed.
    #[error("a part was placed, and could not be recorded")]
    Record(#[source] OtherError),
    /// One after the other.
    #[error("{volumes} volumes failed one after the other")]
    ManyFailed {
        /// How many.
        volumes: u32,
        /// The last of them.
        #[source]
        last: WriteError,
    },
}

impl StopCause {
    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Write(error) => error.blame(),
            Self::NoVolume(_) | Self::Record(_) => Blame::Host,
            // Several cartridges in a row are not all bad.
            Self::ManyFailed { .. } => Blame::Drive,
        }
    }
}

/// So many volumes may fail in a row before it is somebody else's fault.
const MOST_FAILURES: u32 = 3;

/// Writes what is left of an image, from `from` on, beginning on `volume` if there is one.
pub fn write_image<D: Drive>(
    job: &Job<'_>,
    source: &mut dyn ImageSource,
    from: Reached,
    volume: Option<Appending<D>>,
    volumes: &mut dyn Volumes<D>,
) -> Result<Finished<D>, Stopped> {
    let hasher = Hasher::new(from.running.clone());
    let extent = Extent::Whole;
    let mut scribe = Scribe { job, source, volumes, hasher, safe: from.clone(), now: from, extent };
    match scribe.run(volume) {
        Ok(volume) => Ok(Finished { volume, reached: scribe.safe, extent: scribe.extent }),
        Err(cause) => Err(Stopped { reached: Box::new(scribe.safe), cause }),
    }
}

struct Scribe<'a, D> {
    job: &'a Job<'a>,
    source: &'a mut dyn ImageSource,
    volumes: &'a mut dyn Volumes<D>,
    hasher: Hasher,
    /// How far the image is placed.
    safe: Reached,
    /// How far it is written.
    now: Reached,
    extent: Extent,
}

/// What is to be done with the volume in hand.
enum Next {
    GoOn,
    Change,
    /// It is empty, and does not take a frame of this length.
    TooSmall(Bytes),
    Finish,
}

impl<D: Drive> Scribe<'_, D> {
    fn run(&mut self, mut volume: Option<Appending<D>>) -> Result<Option<Appending<D>>, StopCause> {
        let mut failures = 0;
        self.source.go_to(self.now.place()).map_err(WriteError::from)?;
        while self.next_frame()?.is_some() {
            let current = match volume.take() {
                Some(volume) => volume,
                None => self.next_volume(Wanted::First, None)?,
            };
            let label = current.label().clone();
            match self.write(current) {
                Ok((current, next)) => {
                    failures = 0;
                    volume = Some(match next {
                        Next::GoOn if self.volumes.wish() == Wish::End => {
                            self.extent = Extent::Begun;
                            return Ok(Some(self.commit(current)?));
                        }
                        Next::GoOn => current,
                        Next::Finish => return Ok(Some(current)),
                        Next::Change => self.next_volume(Wanted::Full(&label), Some(current))?,
                        Next::TooSmall(frame) => {
                            self.next_volume(Wanted::TooSmall { frame }, Some(current))?
                        }
                    });
                }
                Err(StopCause::Write(error)) if may_do_elsewhere(&error) => {
                    failures += 1;
                    if failures == MOST_FAILURES {
                        return Err(StopCause::ManyFailed { volumes: failures, last: error });
                    }
                    self.go_back()?;
                    let why = Wanted::Failed { label: &label, error: &error };
                    volume = Some(self.next_volume(why, None)?);
                    if !self.volumes.is_still_placed(&self.safe).map_err(StopCause::Record)? {
                        self.safe = Reached::beginning();
                        self.go_back()?;
                    }
                }
                Err(other) => return Err(other),
            }
        }
        Ok(volume)
    }

    /// Writes one part, and flushes if it is time to.
    fn write(&mut self, mut volume: Appending<D>) -> Result<(Appending<D>, Next), StopCause> {
        volume.keep_free(self.volumes.keep_free());
        let (volume, outcome) = volume.write_part(
            &self.job.image,
            &self.now,
            self.source,
            &mut self.hasher,
            self.job.part_size,
        )?;
        let next = match outcome {
            Outcome::Written { reached, ended } => {
                self.now = reached;
                match ended {
                    Ended::Image => Next::Finish,
                    Ended::Volume => Next::Change,
                    Ended::PartSize => Next::GoOn,
                }
            }
            Outcome::NothingFit if volume.next_file() == FileNo::FIRST => {
                Next::TooSmall(Bytes(self.next_frame()?.unwrap_or(0)))
            }
            Outcome::NothingFit => Next::Change,
        };
        let early = matches!(next, Next::GoOn) && volume.unflushed() < self.job.commit_every;
        let volume = if early { volume } else { self.commit(volume)? };
        Ok((volume, next))
    }

    /// Makes certain what was written, and reports it.
    fn commit(&mut self, volume: Appending<D>) -> Result<Appending<D>, StopCause> {
        let (volume, placed) = volume.flush().map_err(WriteError::from)?;
        for part in &placed {
            self.volumes.placed(part).map_err(StopCause::Record)?;
        }
        self.safe = self.now.clone();
        self.source.placed(self.safe.place());
        Ok(volume)
    }

    /// Goes back to what is safe.
    fn go_back(&mut self) -> Result<(), StopCause> {
        self.now = self.safe.clone();
        self.hasher = Hasher::new(self.now.running.clone());
        Ok(self.source.go_to(self.now.place()).map_err(WriteError::from)?)
    }

    fn next_volume(
        &mut self,
        why: Wanted<'_>,
        done: Option<Appending<D>>,
    ) -> Result<Appending<D>, StopCause> {
        self.volumes.next_volume(why, done).map_err(StopCause::NoVolume)
    }

    fn next_frame(&mut self) -> Result<Option<u64>, StopCause> {
        Ok(self.source.next_frame().map_err(WriteError::from)?)
    }
}

impl From<VolumeError> for StopCause {
    fn from(error: VolumeError) -> Self {
        Self::Write(error.into())
    }
}

/// Whether the same drive may do better with another mount.
fn may_do_elsewhere(error: &WriteError) -> bool {
    matches!(error.blame(), Blame::Medium | Blame::Nothing)
}

#[cfg(test)]
mod tests;
