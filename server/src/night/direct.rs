//! A dump that goes straight to a volume: frames from the dumper's thread to the drive's.
//!
//! The channel is short, so a client sends no faster than the drive takes. When the dump is whole, the dumper
//! says what it came to, and waits until the drive's thread has everything placed and recorded.
//!
//! A drive may take nothing for hours, while it waits for a volume. So whoever waits for it hears orders as well; and
//! when the dump is over for the run, however it ended, its drive is told to end the image
//! ([`super::drive::Errand::End`]), before it is told anything else.

use crossbeam_channel::{Receiver, Sender, bounded, select};
use format::wire::FramePiece;
use taper::catalogue::{Dump, Message};
use taper::scribe;
use types::DriveId;

use super::dumper::Control;
use crate::holding::ImageName;

/// The dumper's end.
#[derive(Debug)]
pub struct Feed {
    drive: DriveId,
    frames: Sender<scribe::Arrival>,
    /// The drive takes it when all is placed, and then records it; before that it can be taken back.
    whole: Sender<Whole>,
    taken_back: Receiver<Whole>,
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
    /// What it came to; that is there once all its frames are, unless the run has given it up.
    pub whole: Receiver<Whole>,
    /// Where to say that it is placed.
    pub outcome: Sender<Placed>,
}

/// A dump of which all has arrived.
#[derive(Debug)]
pub struct Whole {
    /// How it went, and its sizes.
    pub dump: Dump,
    /// What the client said.
    pub messages: Vec<Message>,
}

/// All parts are placed and recorded.
#[derive(Debug)]
pub struct Placed;

/// Why the drive gets no more of the dump.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// The drive's thread takes no more: it has said why.
    ByDrive,
    /// The run gives the dump up.
    ByOrder,
}

/// A way for an image to a drive on which at most so many frames wait.
pub fn channel(waiting: usize, drive: DriveId, name: ImageName) -> (Feed, Incoming) {
    let (frames, arriving) = bounded(waiting);
    let (told, whole) = bounded(1);
    let (placed, outcome) = bounded(1);
    (
        Feed { drive, frames, whole: told, taken_back: whole.clone(), outcome, frame: Vec::new() },
        Incoming { name, frames: arriving, whole, outcome: placed },
    )
}

impl Feed {
    /// Which drive.
    pub fn drive(&self) -> &DriveId {
        &self.drive
    }

    /// Passes a piece on; frames travel whole.
    pub fn piece(
        &mut self,
        piece: FramePiece<'_>,
        orders: &Receiver<Control>,
    ) -> Result<(), Ended> {
        self.frame.extend_from_slice(piece.bytes);
        if piece.flags.last {
            let frame = std::mem::take(&mut self.frame);
            self.send(scribe::Arrival::Frame(frame), orders)?;
        }
        Ok(())
    }

    /// Says that the image is whole, and waits until it is placed.
    pub fn end(&self, whole: Whole, orders: &Receiver<Control>) -> Result<(), Ended> {
        self.whole.send(whole).map_err(|_| Ended::ByDrive)?;
        self.send(scribe::Arrival::End, orders)?;
        select! {
            recv(self.outcome) -> placed => placed.map(|Placed| ()).map_err(|_| Ended::ByDrive),
            recv(orders) -> _ => match self.taken_back.try_recv() {
                Ok(_) => Err(Ended::ByOrder),
                // The drive has everything placed, and is recording it.
                Err(_) => self.outcome.recv().map(|Placed| ()).map_err(|_| Ended::ByDrive),
            },
        }
    }

    /// The only order for a dump that has no space on a holding disk is to give up.
    fn send(&self, arrival: scribe::Arrival, orders: &Receiver<Control>) -> Result<(), Ended> {
        select! {
            send(self.frames, arrival) -> sent => sent.map_err(|_| Ended::ByDrive),
            recv(orders) -> _ => Err(Ended::ByOrder),
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;
    use format::frame::FrameKind;
    use format::wire::FrameFlags;

    use super::super::tidy;
    use super::*;

    fn dump() -> Dump {
        tidy::tests::dump("20260102030000".parse().unwrap())
    }

    fn whole() -> Whole {
        Whole { dump: dump(), messages: Vec::new() }
    }

    /// A way to a drive that takes one frame and no more.
    fn way() -> (Feed, Incoming) {
        let drive = DriveId { changer: "robot".parse().unwrap(), drive: "drive0".parse().unwrap() };
        let Dump { id: dump, dle, run, level, base, .. } = dump();
        channel(1, drive, ImageName { run, dle, level, dump, base })
    }

    fn frame() -> FramePiece<'static> {
        let flags = FrameFlags { first: true, last: true };
        FramePiece { kind: FrameKind::S, flags, bytes: b"stored" }
    }

    #[test]
    fn who_waits_for_a_drive_that_takes_nothing_hears_that_the_dump_is_given_up() {
        let ((mut feed, _incoming), (control, orders)) = (way(), unbounded());
        assert_eq!(feed.piece(frame(), &orders), Ok(()));
        control.send(Control::Abort).unwrap();
        assert_eq!(feed.piece(frame(), &orders), Err(Ended::ByOrder));
    }

    #[test]
    fn a_dump_that_is_given_up_before_it_is_recorded_never_is() {
        let ((feed, incoming), (control, orders)) = (way(), unbounded());
        control.send(Control::Abort).unwrap();
        let ended = feed.end(whole(), &orders);
        // Of an order and a free place in the channel either may be seen first.
        assert_eq!(ended, Err(Ended::ByOrder));
        drop(feed);
        let has = incoming.whole.try_recv();
        assert!(has.is_err() || incoming.frames.try_recv().is_err(), "the drive could record it");
    }

    #[test]
    fn a_dump_that_is_being_recorded_is_not_given_up_any_more() {
        let ((feed, incoming), (control, orders)) = (way(), unbounded());
        let drive = std::thread::spawn(move || {
            assert!(matches!(incoming.frames.recv(), Ok(scribe::Arrival::End)));
            let whole = incoming.whole.try_recv().unwrap();
            control.send(Control::Abort).unwrap();
            incoming.outcome.send(Placed).unwrap();
            whole.dump.id
        });
        assert_eq!(feed.end(whole(), &orders), Ok(()));
        assert_eq!(drive.join().unwrap(), dump().id);
    }

    #[test]
    fn a_drive_that_takes_no_more_ends_the_dump() {
        let ((mut feed, incoming), (_control, orders)) = (way(), unbounded());
        drop(incoming);
        assert_eq!(feed.piece(frame(), &orders), Err(Ended::ByDrive));
        assert_eq!(feed.end(whole(), &orders), Err(Ended::ByDrive));
    }
}
