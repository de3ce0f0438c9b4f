//! Whether a cartridge can be carried from one place to another: found out before the arm moves.

use types::DriveName;

use super::generation::{DriveGeneration, Fit, fit, on_sticker};
use super::numbering::Numbering;
use crate::changer::{CartridgeKind, Obstacle, Passage, Spot};
use crate::smc::{Cell, Content, Source, Stock};

/// What the cartridge is carried for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be kept, or written and read.
    Data,
    /// To clean a drive.
    Cleaning,
}

/// A carriage that nothing stands in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) from: Cell,
    pub(crate) to: Cell,
}

/// The way from one place to another, or what is in it.
pub(crate) fn way(
    numbering: &Numbering,
    stock: &Stock,
    (from, to): (&Spot, &Spot),
    generation: Option<DriveGeneration>,
    purpose: Purpose,
) -> Result<Way, Obstacle> {
    let (source, cartridge) = there(numbering, stock, from)?;
    let (destination, room) = there(numbering, stock, to)?;
    if !cartridge.is_full() {
        return Err(empty(numbering, stock, from, source));
    }
    if room.is_full() {
        return Err(match to {
            Spot::Slot(slot) => Obstacle::SlotFull(*slot),
            Spot::Drive(drive) => Obstacle::DriveFull(drive.clone()),
        });
    }
    match to {
        Spot::Drive(drive) => fits(drive, cartridge, generation, purpose)?,
        Spot::Slot(slot) => {
            if matches!(room.way(), Some(Passage::In | Passage::Shut)) {
                return Err(Obstacle::NoWayOut(*slot));
            }
        }
    }
    Ok(Way { from: source, to: destination })
}

fn there<'a>(
    numbering: &Numbering,
    stock: &'a Stock,
    spot: &Spot,
) -> Result<(Cell, &'a Content), Obstacle> {
    let cell = match spot {
        Spot::Slot(slot) => numbering.slot(*slot),
        Spot::Drive(drive) => numbering.drive(drive),
    };
    let found = cell.and_then(|cell| stock.get(cell).map(|content| (cell, content)));
    found.ok_or_else(|| match (numbering.lacks(stock, spot), spot) {
        (Some(why), _) => Obstacle::NotThere { spot: spot.clone(), why },
        (None, Spot::Slot(slot)) => Obstacle::NoSlot(*slot),
        (None, Spot::Drive(drive)) => Obstacle::NoDrive(drive.clone()),
    })
}

/// Why there is nothing: perhaps the cartridge is in a drive.
fn empty(numbering: &Numbering, stock: &Stock, spot: &Spot, cell: Cell) -> Obstacle {
    let slot = match spot {
        Spot::Drive(drive) => return Obstacle::DriveEmpty(drive.clone()),
        Spot::Slot(slot) => *slot,
    };
    let came_from_here =
        |content: &Content| content.is_full() && content.source == Source::From(cell);
    let drive = stock.places.iter().find_map(|(cell, content)| match numbering.spot(*cell) {
        Some(Spot::Drive(drive)) if came_from_here(content) => Some(drive),
        _ => None,
    });
    match drive {
        Some(drive) => Obstacle::InDrive(slot, drive),
        None => Obstacle::SlotEmpty(slot),
    }
}

/// Can the drive do anything with the cartridge?
fn fits(
    drive: &DriveName,
    cartridge: &Content,
    generation: Option<DriveGeneration>,
    purpose: Purpose,
) -> Result<(), Obstacle> {
    if purpose == Purpose::Cleaning {
        return Ok(());
    }
    let refused = |drive_generation: String, cartridge: String| {
        Err(Obstacle::WrongGeneration { drive: drive.clone(), drive_generation, cartridge })
    };
    let drive_is = || generation.map_or_else(|| "for data".to_owned(), |it| it.to_string());
    match cartridge.medium {
        CartridgeKind::Cleaning => return refused(drive_is(), "the cleaning kind".to_owned()),
        CartridgeKind::Service => return refused(drive_is(), "the service kind".to_owned()),
        CartridgeKind::Unknown | CartridgeKind::Data | CartridgeKind::Worm => {}
    }
    let tape = cartridge.barcode.as_ref().and_then(on_sticker).map(|(tape, _)| tape);
    match (generation, tape) {
        (Some(drive), Some(tape)) if fit(drive, tape) == Fit::Nothing => {
            refused(drive.to_string(), tape.to_string())
        }
        _ => Ok(()),
    }
}
