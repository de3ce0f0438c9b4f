//! A drive of any kind. What only tape can tell, only tape is asked.

use devices::scsi::page::reservation::ReservationKey;
use devices::ssc::{CartridgeFacts, Protection, Readiness, TapeDrive, Threading, Written};
use devices::st::{Presence, StDrive};
use devices::vtape::VtapeDrive;
use devices::{Drive, DriveError, Limits, Met, Position, Stretch, Transport, Wait, Wrote};
use rustix::event::{Timespec, poll};
use types::{Bytes, Digest, DriveName, FileNo, Label, ObjectNo, PoolName, Stamp};

use super::device::Lease;
use crate::night::estimate::with_causes;

/// A tape drive, real or emulated.
pub type Tape = TapeDrive<Box<dyn Transport>>;

/// What this machine is known by to drives: another process of it may take over what this one left behind.
pub(super) fn key() -> ReservationKey {
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let Digest(hash) = format::frame::digest(&[b"reelkeep ", machine.as_slice()].concat());
    let mut key = [0; 8];
    key.copy_from_slice(&hash[..8]);
    ReservationKey(u64::from_be_bytes(key))
}

/// A drive of any kind.
pub enum AnyDrive {
    /// One that exists only in a directory.
    Vtape(Box<VtapeDrive>),
    /// One for tape.
    Tape(Box<Tape>),
    /// One for tape behind the kernel's tape driver.
    St {
        /// The drive.
        drive: Box<StDrive>,
        /// What keeps others of us away from it.
        _lease: Lease,
    },
}

/// Why a cartridge takes nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwritable {
    /// Its slider is on.
    #[error("its cartridge is write-protected: take it out and move the slider, if that may be")]
    Protected,
    /// What is on it stays.
    #[error("its cartridge can be written only once (WORM), and what is on it stays for ever")]
    WriteOnce,
}

impl std::fmt::Debug for AnyDrive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AnyDrive").field(self.it().name()).finish()
    }
}

impl AnyDrive {
    /// What it is called.
    pub fn name(&self) -> &DriveName {
        self.it().name()
    }

    /// The tape drive, if it is one.
    pub fn tape(&mut self) -> Option<&mut Tape> {
        match self {
            Self::Vtape(_) | Self::St { .. } => None,
            Self::Tape(tape) => Some(tape),
        }
    }

    /// Threads a cartridge that the drive has let go of, as a move that failed leaves it, and waits until it can be
    /// used. What a drive is not ready for otherwise, it says when it is asked to do something.
    pub fn wake(&mut self) -> Result<(), DriveError> {
        let tape = match self {
            Self::Vtape(_) => return Ok(()),
            Self::St { drive, .. } => return wait_for(drive),
            Self::Tape(tape) => tape,
        };
        if matches!(tape.ready()?, Readiness::NotThreaded | Readiness::Empty) {
            tape.load(Threading::Threaded)?;
        }
        tape.wait_until_ready(&mut |state| match state {
            Readiness::Loading(_) | Readiness::Calibrating(_) | Readiness::Formatting(_) => {
                Wait::GoOn
            }
            _ => Wait::GiveUp,
        })?;
        Ok(())
    }

    /// What is known of the cartridge without winding the tape. What a drive does not tell is not known; that it does
    /// not tell is no reason not to use it.
    pub(crate) fn chip(&mut self) -> CartridgeFacts {
        let tape = match self {
            Self::Vtape(_) => return CartridgeFacts::default(),
            Self::St { drive, .. } => {
                // Only at the beginning of the tape does the driver know.
                let protected = drive.rewind().is_ok() && drive.is_write_protected();
                let protection = protected.then_some(Protection::Protected);
                return CartridgeFacts { protection, ..CartridgeFacts::default() };
            }
            Self::Tape(tape) => tape,
        };
        tape.cartridge().unwrap_or_else(|error| {
            tracing::info!("{}", with_causes(&error));
            CartridgeFacts::default()
        })
    }

    /// Whether its volume ends for want of space on the file system that it lies on.
    pub(crate) fn is_cut_short(&self) -> bool {
        matches!(self, Self::Vtape(drive) if drive.is_cut_short())
    }

    /// Whether no cartridge is in it.
    pub(crate) fn is_empty(&mut self) -> Result<bool, DriveError> {
        Ok(match self {
            Self::Vtape(_) => false,
            Self::Tape(tape) => tape.ready()? == Readiness::Empty,
            Self::St { drive, .. } => drive.presence()? == Presence::Empty,
        })
    }

    /// Why the cartridge that was read cannot be written over, as far as its drive can tell beforehand.
    pub(crate) fn unwritable(&mut self) -> Result<Option<Unwritable>, DriveError> {
        Ok(match self {
            Self::Vtape(_) => None,
            Self::Tape(tape) => {
                let facts = tape.cartridge()?;
                let protected = facts.protection == Some(Protection::Protected);
                if facts.is_write_once() {
                    Some(Unwritable::WriteOnce)
                } else {
                    protected.then_some(Unwritable::Protected)
                }
            }
            Self::St { drive, .. } => drive.is_write_protected().then_some(Unwritable::Protected),
        })
    }

    /// Writes into the memory of the cartridge what it is called and when it was last written, for people and for
    /// other programs. Nothing of ours relies on it, so a drive that cannot do it is only noted.
    pub fn inscribe(&mut self, label: &Label, pool: Option<&PoolName>, now: Stamp) {
        let Self::Tape(tape) = self else { return };
        let written = Written {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            label: label.to_string(),
            pool: pool.map(PoolName::to_string),
            barcode: None,
            at: Some(now),
        };
        if let Err(error) = tape.write_memory(&written) {
            let cause = &error.cause;
            tracing::info!(
                "the memory of the cartridge with {label} was not written: {error}: {cause}"
            );
        }
    }

    /// Ends the use of a drive, so that other hosts may have it. One that cannot be told keeps its reservation,
    /// which is ours again when it is opened the next time.
    pub fn give_back(mut self) {
        if let Self::Tape(tape) = &mut self
            && let Err(error) = tape.release(key())
        {
            tracing::info!("{error}");
        }
    }

    fn it(&self) -> &dyn Drive {
        match self {
            Self::Vtape(drive) => drive,
            Self::Tape(drive) => drive,
            Self::St { drive, .. } => drive,
        }
    }

    fn it_mut(&mut self) -> &mut dyn Drive {
        match self {
            Self::Vtape(drive) => drive,
            Self::Tape(drive) => drive,
            Self::St { drive, .. } => drive,
        }
    }
}

/// How often a drive that loads is asked whether it has, a second apart.
const LOADING: u32 = 600;

/// Waits until a drive behind the tape driver has loaded. One that does not come to it says so when it is used.
fn wait_for(drive: &mut StDrive) -> Result<(), DriveError> {
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    for _ in 0..LOADING {
        if drive.presence()? != Presence::NotReady {
            break;
        }
        let _early = poll(&mut [], Some(&second));
    }
    Ok(())
}

impl Drive for AnyDrive {
    fn name(&self) -> &DriveName {
        self.it().name()
    }

    fn limits(&self) -> Limits {
        self.it().limits()
    }

    fn title_file(&mut self, title: &str) {
        self.it_mut().title_file(title);
    }

    fn object_of(&self, file: FileNo) -> Option<ObjectNo> {
        self.it().object_of(file)
    }

    fn recall(&mut self, file: FileNo, object: ObjectNo) {
        self.it_mut().recall(file, object);
    }

    fn reading_order(&mut self, stretches: &[Stretch]) -> Vec<usize> {
        self.it_mut().reading_order(stretches)
    }

    fn keep_free(&mut self, room: Bytes) {
        self.it_mut().keep_free(room);
    }

    fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError> {
        self.it_mut().write_block(block)
    }

    fn write_filemark(&mut self) -> Result<(), DriveError> {
        self.it_mut().write_filemark()
    }

    fn flush(&mut self) -> Result<Position, DriveError> {
        self.it_mut().flush()
    }

    fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError> {
        self.it_mut().read_block(buffer)
    }

    fn position(&mut self) -> Result<Position, DriveError> {
        self.it_mut().position()
    }

    fn locate(&mut self, place: Position) -> Result<(), DriveError> {
        self.it_mut().locate(place)
    }

    fn to_end_of_data(&mut self) -> Result<Position, DriveError> {
        self.it_mut().to_end_of_data()
    }

    fn rewind(&mut self) -> Result<(), DriveError> {
        self.it_mut().rewind()
    }
}
