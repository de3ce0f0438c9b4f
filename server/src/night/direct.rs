//! A dump that goes straight to a volume: frames from the dumper's thread to the drive's.
//!
//! The channel is short, so a client sends no faster than the drive takes. When the dump is whole, the dumper
//! says so and waits until the drive's thread has everything placed and recorded.

use crossbeam_channel::{Receiver, Sender, bounded};
use format::wire::FramePiece;
use taper::scribe;
use types::DriveId;

use crate::holding::ImageName;

/// The dumper's end.
#[derive(Debug)]
pub struct Feed {
    drive: DriveId,
    frames: Sender<scribe::Arrival>,
    outcome: Receiver<Placed>,
    frame: Vec<u8>,
}

/// The drive's end.
#[derive(Debug)]
pub struct Incoming {
    /// What arrives.
    pub name: ImageName,
    /// Its frames.
    pub frames: Receiver<scribe::Arrival>,
    /// Where to say that it is placed.
    pub outcome: Sender<Placed>,
}

/// All parts are placed and recorded.
#[derive(Debug)]
pub struct Placed;

/// The drive's thread takes no more: it has said why.
#[derive(Debug)]
pub struct Gone;

/// A way for an image to a drive on which at most so many frames wait.
pub fn channel(waiting: usize, drive: DriveId, name: ImageName) -> (Feed, Incoming) {
    let (frames, arriving) = bounded(waiting);
    let (placed, outcome) = bounded(1);
    (
        Feed { drive, frames, outcome, frame: Vec::new() },
        Incoming { name, frames: arriving, outcome: placed },
    )
}

impl Feed {
    /// Which drive.
    pub fn drive(&self) -> &DriveId {
        &self.drive
    }

    /// Passes a piece on; frames travel whole.
    pub fn piece(&mut self, piece: FramePiece<'_>) -> Result<(), Gone> {
        self.frame.extend_from_slice(piece.bytes);
        if piece.flags.last {
            let frame = std::mem::take(&mut self.frame);
            self.frames.send(scribe::Arrival::Frame(frame)).map_err(|_| Gone)?;
        }
        Ok(())
    }

    /// Says that the image is whole, and waits until it is placed.
    pub fn end(&self) -> Result<(), Gone> {
        self.frames.send(scribe::Arrival::End).map_err(|_| Gone)?;
        self.outcome.recv().map(|Placed| ()).map_err(|_| Gone)
    }
}
