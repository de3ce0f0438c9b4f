//! A volume becomes a blank cartridge.
//!
//! ```text
//!  mount, read ─► can it be ─► may it go? ─► the catalogue ─► the medium ─► and the
//!  the label      erased?      │             forgets what     is erased     volume
//!                 │            │             is on it            │
//!                 │            └ nothing on it is needed,        └ refused, and label and data are there still:
//!                 │              or a person typed its label       the catalogue takes the volume up again
//!                 └ write-protected, WORM, another volume: nothing is forgotten
//! ```
//!
//! The catalogue must never claim what may be gone, so it forgets before the drive is told to erase. What can be known to
//! be refused is found out before that, for a volume that was forgotten and not erased is lost to everybody until a
//! rebuild finds it.
//!
//! A drive may still refuse. Then the medium is read: an erasure sets the end of data at the beginning of the tape, where
//! the label is, and a filemark that is written there does the same. A label that still reads, with all data behind it,
//! proves that nothing was done, and the catalogue takes the volume up again. Without that proof it does not, whatever the
//! drive has said.
//!
//! An end between two steps leaves nothing that anybody counts on. Where nothing on the volume was needed, it has its
//! label and holds something extra, or is blank and has still a name in the catalogue: the same command, given again, goes
//! on from there. Where a person gave up what is needed, the catalogue has forgotten the volume and all: if it has its
//! label still, a rebuild takes it over again.

use std::io;

use devices::Drive as _;
use format::header::TapeStart;
use taper::catalogue::{Catalogue, CatalogueError, Memory, Reusable, Volume};
use taper::mount::{Consent, Identified, Loaded, Untouched, VolumeError};
use taper::retention::Policies;
use types::{Label, Slot, Stamp};

use crate::library::{AnyDrive, Library, LibraryTrouble, MountTrouble, Unwritable};
use crate::night::drive;

/// Why a volume was not erased.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotErased {
    /// It did not come to it.
    #[error(transparent)]
    Mount(MountTrouble),
    /// Another volume is there.
    #[error(
        "volume {found} was found in slot {slot}, where volume {label} should be. Nothing was erased; `reelkeep library \
         inventory --read --all` finds out what is where"
    )]
    Other { label: Label, slot: Slot, found: Label },
    /// A volume of that name, and not the one that is known.
    #[error(
        "volume {label} in slot {slot} was labelled {found}, and the catalogue knows it as labelled {known}: there seem to \
         be two of this name. Nothing was erased"
    )]
    Twin { label: Label, slot: Slot, found: String, known: String },
    /// Something else is there.
    #[error("in slot {slot}, where volume {label} should be, is {what}. Nothing was erased")]
    Foreign { label: Label, slot: Slot, what: String },
    /// The cartridge takes nothing.
    #[error(
        "volume {label} cannot be erased: {why}. Nothing was changed, neither on it nor in the catalogue"
    )]
    Unwritable { label: Label, why: Unwritable },
    /// The person did not mean it.
    #[error("{0} was not typed: nothing was erased")]
    NotTyped(Label),
    /// Nobody can be asked.
    #[error("it could not be read what was typed: nothing was erased")]
    NotAsked(#[source] io::Error),
    /// The drive refused.
    #[error(
        "volume {label} was not erased. It was read again: all that was on it is there still, and the catalogue knows it \
         as before"
    )]
    Refused {
        label: Label,
        #[source]
        source: Box<NotDone>,
    },
    /// The drive refused, and what is on the medium now cannot be told.
    #[error(
        "the drive did not erase volume {label} as it should, and what is on the medium now could not be read. The catalogue \
         has forgotten {what}: look at the drive, and {then}"
    )]
    Unsure {
        label: Label,
        what: &'static str,
        then: &'static str,
        #[source]
        source: Box<NotDone>,
    },
    /// Nothing was erased, and the catalogue could not take it up again.
    #[error(
        "volume {0} was not erased, and the catalogue could not be told so: `reelkeep catalogue rebuild` takes it over again"
    )]
    NotPutBack(Label, #[source] CatalogueError),
}

/// What the drive did instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error(transparent)]
    Drive(#[from] devices::DriveError),
    #[error(transparent)]
    Volume(#[from] VolumeError),
    #[error("the drive said that the volume is erased, and it is not blank")]
    NotBlank,
}

impl<T: Into<MountTrouble>> From<T> for NotErased {
    fn from(trouble: T) -> Self {
        Self::Mount(trouble.into())
    }
}

/// Why the medium may be erased.
enum Leave {
    /// Nothing on it is needed, and the catalogue has forgotten what is on it.
    NotNeeded(Reusable),
    /// A person was shown what would be lost.
    Given(Consent),
}

/// What is where the volume should be.
enum Found {
    Volume {
        /// Its label.
        start: TapeStart,
        /// What is on it of which the catalogue knows nothing, if anything is.
        unknown: Option<String>,
    },
    /// It was erased before, and the catalogue does not know yet.
    Blank,
}

/// What a person is shown who is to give up what is needed, and would be lost.
pub(crate) fn question(needed: &impl std::fmt::Display, lost: &str, label: &Label) -> String {
    format!("{needed}.\n{lost}To erase {label} all the same, type its label and press return:")
}

/// Shows a person something, and gives what was typed.
pub(crate) type Ask<'a> = &'a mut dyn FnMut(&str) -> io::Result<String>;

/// A volume that is to be erased. The site's lock is held by the caller.
pub(crate) struct Erasure<'a> {
    /// The library that has it.
    pub(crate) library: &'a Library,
    /// The catalogue.
    pub(crate) catalogue: &'a mut Catalogue,
    /// What says whether it is needed.
    pub(crate) policies: &'a Policies,
    /// Which.
    pub(crate) label: &'a Label,
    /// What would be lost with it, in lines.
    pub(crate) lost: &'a str,
    /// The time.
    pub(crate) now: Stamp,
}

impl Erasure<'_> {
    /// Erases it, or says why not.
    pub(crate) fn carry_out(mut self, ask: Ask<'_>) -> Result<(), NotErased> {
        let volume = self.catalogue.volume(self.label)?;
        let slot = self.library.slot_of(self.label)?;
        let drive = self.library.any_drive()?;
        let (mut drive, found) = self.look(slot, drive, &volume)?;
        let done = self.erase(&mut drive, &volume, &found, ask);
        drive.give_back();
        done
    }

    /// Reads the label: only the volume that is meant is erased. And whether all that is on it is known.
    fn look(
        &self,
        slot: Slot,
        drive: AnyDrive,
        volume: &Volume,
    ) -> Result<(AnyDrive, Found), NotErased> {
        let label = volume.label.clone();
        match self.library.load(slot, drive)?.identify()? {
            Identified::Blank(blank) => Ok((blank.into_drive(), Found::Blank)),
            Identified::Labelled(mounted) if *mounted.label() != label => {
                Err(NotErased::Other { label, slot, found: mounted.label().clone() })
            }
            Identified::Labelled(mut mounted) => {
                let (found, known) = (mounted.start().stamp, volume.labelled);
                if known.is_some() && found != known {
                    let (found, known) = (by(found), by(known));
                    return Err(NotErased::Twin { label, slot, found, known });
                }
                let knows = |dump| self.catalogue.dump(dump).is_ok();
                let known = drive::known(self.catalogue, &label)?;
                let unknown = match mounted.look_for_unknown(&known, knows) {
                    Ok(()) => None,
                    Err(unknown @ VolumeError::Unknown { .. }) => Some(unknown.to_string()),
                    Err(error) => return Err(error.into()),
                };
                let start = mounted.start().clone();
                Ok((mounted.into_drive(), Found::Volume { start, unknown }))
            }
            Identified::Foreign(foreign) => {
                Err(NotErased::Foreign { label, slot, what: foreign.what().to_owned() })
            }
        }
    }

    fn erase(
        &mut self,
        drive: &mut AnyDrive,
        volume: &Volume,
        found: &Found,
        ask: Ask<'_>,
    ) -> Result<(), NotErased> {
        if let (Found::Volume { .. }, Some(why)) =
            (found, drive.unwritable().map_err(LibraryTrouble::from)?)
        {
            return Err(NotErased::Unwritable { label: self.label.clone(), why });
        }
        let memory = self.catalogue.memory_of(self.label)?;
        let leave = self.leave(found, ask)?;
        let still_known = matches!(leave, Leave::NotNeeded(_));
        if let Found::Volume { start, .. } = found
            && let Err(error) = make_blank(drive, self.label, leave)
        {
            self.was_refused(after(drive, volume, start), (&memory, still_known), error)?;
        }
        if still_known {
            self.catalogue.remove_volume(self.label, self.now)?;
        }
        Ok(())
    }

    /// Leave from the catalogue, which then has forgotten what is on the volume; or from the person.
    fn leave(&mut self, found: &Found, ask: Ask<'_>) -> Result<Leave, NotErased> {
        let Self { label, lost, now, .. } = *self;
        let needed = match found {
            Found::Volume { unknown: Some(unknown), .. } => unknown.clone(),
            _ => match self.catalogue.reusable(label, self.policies, now) {
                Ok(leave) => return Ok(Leave::NotNeeded(leave)),
                Err(CatalogueError::Needed(needed)) => needed.to_string(),
                Err(other) => return Err(other.into()),
            },
        };
        let shown = match found {
            Found::Volume { .. } => question(&needed, lost, label),
            Found::Blank => format!(
                "{needed}.\n{lost}A blank cartridge is where {label} should be: nothing is there to be erased. To have the \
                 catalogue forget {label} all the same, type its label and press return:"
            ),
        };
        let typed = ask(&shown).map_err(NotErased::NotAsked)?;
        if typed.trim() != label.as_str() {
            return Err(NotErased::NotTyped(label.clone()));
        }
        self.catalogue.remove_volume(label, now)?;
        Ok(Leave::Given(Consent::to_overwrite(shown)))
    }

    /// Has the catalogue take the volume up again, if the medium shows that it may.
    fn was_refused(
        &mut self,
        after: After,
        (memory, still_known): (&Memory, bool),
        error: NotDone,
    ) -> Result<(), NotErased> {
        let (label, source) = (self.label.clone(), Box::new(error));
        Err(match after {
            After::Blank => return Ok(()),
            After::Untouched(proof) => match self.catalogue.put_back(memory, &proof, self.now) {
                Ok(()) => NotErased::Refused { label, source },
                Err(error) => NotErased::NotPutBack(label, error),
            },
            After::Unknown if still_known => {
                let then = "give the same command again";
                NotErased::Unsure { label, what: "what was on it", then, source }
            }
            After::Unknown => {
                let then =
                    "if it still has its label, `reelkeep catalogue rebuild` takes it over again";
                NotErased::Unsure { label, what: "it", then, source }
            }
        })
    }
}

fn by(run: Option<Stamp>) -> String {
    run.map_or_else(|| "by no run".to_owned(), |run| format!("by run {run}"))
}

/// Sets the end of data at the beginning.
fn make_blank(drive: &mut AnyDrive, label: &Label, leave: Leave) -> Result<(), NotDone> {
    match leave {
        Leave::NotNeeded(leave) => {
            debug_assert_eq!(leave.label(), label, "the leave is for this volume");
            tracing::info!(%label, "erasing: nothing on it is needed");
        }
        Leave::Given(consent) => tracing::warn!(%label, ?consent, "erasing as the operator said"),
    }
    if let Some(tape) = drive.tape() {
        tape.erase()?;
    } else {
        // A filemark at the beginning, and nothing behind it: what `mt weof` leaves.
        drive.rewind()?;
        drive.write_filemark()?;
        drive.flush()?;
    }
    match Loaded::new(drive).identify()? {
        Identified::Blank(_) => Ok(()),
        _ => Err(NotDone::NotBlank),
    }
}

/// What the medium shows after an erasure that the drive did not report as done.
enum After {
    Untouched(Untouched),
    /// It was done all the same.
    Blank,
    Unknown,
}

/// Reads it. A drive that cannot read now proves nothing.
fn after(drive: &mut AnyDrive, volume: &Volume, start: &TapeStart) -> After {
    let read = Loaded::new(drive).identify().and_then(|found| match found {
        Identified::Labelled(mounted) => {
            let proof = mounted.untouched(start, volume.end.file)?;
            Ok(proof.map_or(After::Unknown, After::Untouched))
        }
        Identified::Blank(_) => Ok(After::Blank),
        Identified::Foreign(_) => Ok(After::Unknown),
    });
    read.unwrap_or_else(|error| {
        tracing::info!("what is on the medium could not be read: {error}");
        After::Unknown
    })
}
