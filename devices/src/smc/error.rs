//! What a changer could not do, and what is where now.

use types::{Barcode, Blame};

use super::layout::Cell;
use super::line::Failure;
use super::stock::Content;
use crate::scsi::judge::{During, Position, Unready, Verdict};
use crate::scsi::page::BadReply;

/// A changer that could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SmcError {
    /// Another kind of device is at the other end.
    #[error("{device} is {vendor} {product}, and no changer: {kind}")]
    NotAChanger {
        /// The node.
        device: String,
        /// Who made it.
        vendor: String,
        /// What it is.
        product: String,
        /// What kind of device it says that it is.
        kind: String,
    },
    /// A command came to nothing.
    #[error("{device} could not {what}")]
    Command {
        /// The node.
        device: String,
        /// What it was asked.
        what: &'static str,
        /// Why.
        #[source]
        cause: Failure,
    },
    /// A reply that cannot be read.
    #[error("what {device} answered, asked to {what}, cannot be read")]
    Garbled {
        /// The node.
        device: String,
        /// What it was asked.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        cause: BadReply,
    },
    /// No such place, or not now.
    #[error("the changer has no {0}, or its magazine or drive is not there now")]
    NoSuchPlace(Cell),
    /// Nothing to carry.
    #[error("{0} is empty")]
    Empty(Cell),
    /// No room.
    #[error("{cell} is full: {} is there", named(.barcode))]
    Full {
        /// Which.
        cell: Cell,
        /// What the sticker of the cartridge claims that is there.
        barcode: Option<Barcode>,
    },
    /// It is where it was, as the changer says.
    #[error("the arm did not carry the cartridge from {from} to {to}: it is still in {from}")]
    NotMoved {
        /// From where.
        from: Cell,
        /// To where.
        to: Cell,
        /// Why.
        #[source]
        cause: Failure,
    },
    /// It is where it was, although the changer says that it was moved.
    #[error(
        "the changer says that it carried the cartridge from {from} to {to}, but it is still in {from} and {to} is \
         empty: look whether the arm or the cartridge is stuck"
    )]
    Lied {
        /// From where.
        from: Cell,
        /// To where.
        to: Cell,
    },
    /// It is at neither end.
    #[error("{} was carried from {from} to {to}, and is at neither end now: {}", named(.barcode), arm(*.in_arm))]
    Lost {
        /// From where.
        from: Cell,
        /// To where.
        to: Cell,
        /// What its sticker claims.
        barcode: Option<Barcode>,
        /// Whether the arm holds a cartridge, if the changer says.
        in_arm: Option<bool>,
        /// What the changer said, if it complained.
        #[source]
        cause: Option<Failure>,
    },
    /// Others move cartridges too.
    #[error(
        "somebody else moves cartridges: when {} was carried from {from} to {to}, {} was found in {from} and {} in \
         {to}. Take inventory again",
        named(.barcode), content(.from_now), content(.to_now)
    )]
    Meddled {
        /// From where.
        from: Cell,
        /// To where.
        to: Cell,
        /// What the sticker of the cartridge claims that was to be carried.
        barcode: Option<Barcode>,
        /// What is there now.
        from_now: Box<Content>,
        /// What is there now.
        to_now: Box<Content>,
    },
    /// Nobody can look.
    #[error("nobody knows whether the cartridge of {from} was carried to {to}: {why}")]
    Unseen {
        /// From where.
        from: Cell,
        /// To where.
        to: Cell,
        /// What the changer said to the move.
        why: String,
        /// Why it could not be looked up.
        #[source]
        cause: Box<Self>,
    },
    /// Doors are opened and closed all the time.
    #[error(
        "the changer is disturbed again and again while it should carry the cartridge of {from} to {to}"
    )]
    Disturbed {
        /// From where.
        from: Cell,
        /// To where.
        to: Cell,
        /// What it said last.
        #[source]
        cause: Failure,
    },
}

fn named(barcode: &Option<Barcode>) -> String {
    match barcode {
        Some(barcode) => format!("cartridge {barcode}"),
        None => "a cartridge without a barcode".to_owned(),
    }
}

fn content(content: &Content) -> String {
    if content.is_full() { named(&content.barcode) } else { "nothing".to_owned() }
}

fn arm(in_arm: Option<bool>) -> &'static str {
    match in_arm {
        Some(true) => "the arm holds one. Look into the library, and let it take inventory",
        Some(false) => "nor in the arm, so somebody took it. Take inventory again",
        None => "look for it in the arm, and take inventory again",
    }
}

impl SmcError {
    /// What has to change.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Empty(cell) | Self::Full { cell, .. } | Self::NoSuchPlace(cell) => place(*cell),
            Self::NotMoved { from, to, cause } => match cause.verdict(During::Move) {
                Some(Verdict::Failed(failure)) => match (failure.blame, failure.position) {
                    // It refused these two places before it did anything, and may take others.
                    (Blame::Nothing, _) | (Blame::Host, Position::Kept) => ends(*from, *to),
                    (blame, _) => blame,
                },
                Some(Verdict::NotReady(Unready::NoMagazine)) => ends(*from, *to),
                _ => Blame::Host,
            },
            // Whatever became of this cartridge, the next may do.
            Self::Meddled { .. } => Blame::Medium,
            Self::NotAChanger { .. }
            | Self::Command { .. }
            | Self::Garbled { .. }
            | Self::Lied { .. }
            | Self::Lost { .. }
            | Self::Unseen { .. }
            | Self::Disturbed { .. } => Blame::Host,
        }
    }

    /// What the changer meant when it refused a move, if it did.
    pub(crate) fn refusal(&self) -> Option<Verdict> {
        match self {
            Self::NotMoved { cause, .. } => cause.verdict(During::Move),
            _ => None,
        }
    }
}

/// Whom a move between these places concerns: the drive, if there is one.
fn ends(from: Cell, to: Cell) -> Blame {
    match place(to) {
        Blame::Drive => Blame::Drive,
        _ => place(from),
    }
}

fn place(cell: Cell) -> Blame {
    match cell.kind {
        crate::scsi::cdb::smc::ElementKind::Drive => Blame::Drive,
        _ => Blame::Medium,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scsi::Sense;
    use crate::scsi::sense::Key;

    #[test]
    fn a_refused_move_is_blamed_as_the_table_judges_its_sense() {
        let (slot, bay) = (Cell::slot(3), Cell::bay(0));
        for (key, asc, ascq, to, blame) in [
            (Key::IllegalRequest, 0x3b, 0x0d, bay, Blame::Drive),
            (Key::IllegalRequest, 0x3b, 0x0d, Cell::slot(4), Blame::Medium),
            (Key::IllegalRequest, 0x24, 0x00, bay, Blame::Drive),
            (Key::IllegalRequest, 0x30, 0x00, bay, Blame::Medium),
            (Key::Hardware, 0x15, 0x01, bay, Blame::Host),
            (Key::Hardware, 0x53, 0x00, bay, Blame::Drive),
            (Key::NotReady, 0x04, 0x03, bay, Blame::Host),
            (Key::NotReady, 0x3b, 0x11, bay, Blame::Drive),
        ] {
            let cause = Failure::from(Sense::of(key, asc, ascq));
            let refused = SmcError::NotMoved { from: slot, to, cause };
            assert_eq!(refused.blame(), blame, "{key:?}/{asc:02x}/{ascq:02x}");
        }
    }
}
