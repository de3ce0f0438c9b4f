//! What a reply of a changer means here: the words of the standard become those of this module.

use super::barcode;
use super::layout::{Layout, Run};
use super::stock::{Access, Content, Fill, Hand, Source};
use super::survey::Told;
use crate::changer::{CartridgeKind, Passage};
use crate::scsi::cdb::smc::{Element, ElementKind};
use crate::scsi::page::BadReply;
use crate::scsi::page::designators::Name;
use crate::scsi::page::element_status::{self, Cartridge, Place};
use crate::scsi::page::mode::elements::{Addresses, Range};

/// What the reply says of places.
pub(super) fn places(reply: &[u8], layout: &Layout) -> Result<Vec<Told>, BadReply> {
    let status = element_status::decode(reply)?;
    Ok(status.places.iter().map(|place| told(place, layout)).collect())
}

/// What the reply says of the drives in the bays.
pub(super) fn claims(reply: &[u8]) -> Result<Vec<(Element, Option<Name>)>, BadReply> {
    let status = element_status::decode(reply)?;
    let bays = status.places.into_iter().filter(|place| place.kind == ElementKind::Drive);
    Ok(bays.map(|bay| (bay.element, bay.name)).collect())
}

fn told(place: &Place, layout: &Layout) -> Told {
    let exception = place.exception.map(|code| (code.asc, code.ascq));
    // No magazine, or a bay without a drive, as several makers say it.
    let absent = matches!(exception, Some((0x83, 0x02 | 0x04)));
    let content = match exception.filter(|_| absent) {
        Some(code) => Err(code),
        None => Ok(content(place, exception, layout)),
    };
    Told { kind: place.kind, element: place.element, content }
}

fn content(place: &Place, exception: Option<(u8, u8)>, layout: &Layout) -> Content {
    let fill = if place.full { Fill::Full } else { Fill::Empty };
    let code = place.barcode.as_ref().filter(|_| place.full);
    let barcode = code.and_then(|text| barcode::read(text.as_bytes()));
    let source = place.source.and_then(|element| layout.any(element));
    Content {
        fill,
        access: if place.accessible { Access::Free } else { Access::Denied },
        medium: if place.full { medium(place, barcode.as_ref()) } else { CartridgeKind::Unknown },
        source: source.map_or(Source::Unknown, Source::From),
        exception,
        passage: (place.kind == ElementKind::MailSlot).then(|| passage(place)),
        hand: if place.by_operator { Hand::Operator } else { Hand::Arm },
        barcode,
    }
}

fn medium(place: &Place, barcode: Option<&types::Barcode>) -> CartridgeKind {
    match place.cartridge {
        _ if barcode.is_some_and(barcode::cleans) => CartridgeKind::Cleaning,
        Cartridge::Cleaning => CartridgeKind::Cleaning,
        Cartridge::Diagnostic | Cartridge::Firmware => CartridgeKind::Service,
        Cartridge::WriteOnce => CartridgeKind::Worm,
        Cartridge::Data => CartridgeKind::Data,
        Cartridge::Unknown => CartridgeKind::Unknown,
    }
}

/// A changer that says neither that cartridges come in nor that they go out just does not say.
fn passage(place: &Place) -> Passage {
    match (place.can_import, place.can_export) {
        (true, false) => Passage::In,
        (false, true) => Passage::Out,
        (true, true) | (false, false) => Passage::Both,
    }
}

/// The places of mode page 1Dh.
pub(super) fn layout(addresses: &Addresses) -> Layout {
    let run = |range: Range| Run { first: range.first.0, count: range.count };
    Layout {
        arms: run(addresses.arms),
        slots: run(addresses.slots),
        mail: run(addresses.mail_slots),
        bays: run(addresses.drives),
    }
}
