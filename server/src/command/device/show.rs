//! `device show`: what a drive is, what it can, what it is doing, and what is in it.

use devices::scsi::densities::density;
use devices::scsi::page::attributes::CartridgeKind;
use devices::scsi::page::protection::Method;
use devices::ssc::{Abilities, CartridgeFacts, Compressing, Health, Protection, Readiness};
use types::Bytes;

use super::sheet::{Sheet, Told};
use crate::command::Exit;
use crate::library::Tape;

pub(super) fn show(tape: &mut Tape, name: &str) -> anyhow::Result<Told> {
    let mut sheet = Sheet::of(name);
    let identity = tape.identify()?;
    sheet.row("maker", Some(identity.vendor));
    sheet.row("model", Some(identity.product));
    sheet.row("firmware", Some(identity.revision));
    sheet.row("serial", identity.serial);
    sheet.row("maker's serial", identity.manufacturer_serial);
    sheet.row("library", identity.library);
    sheet.count("address in the library", identity.element.map(|element| element.0.into()));
    let ready = tape.ready()?;
    abilities(&mut sheet, &tape.abilities()?);
    let state = ready.to_string();
    sheet.row("state", Some(state));
    let health = tape.health()?;
    sheet.row("doing", health.doing.map(|doing| doing.activity));
    if ready == Readiness::Ready {
        cartridge(&mut sheet, &tape.cartridge()?, &health);
    }
    Ok(sheet.told(Exit::Good))
}

fn abilities(sheet: &mut Sheet, abilities: &Abilities) {
    let written = abilities.formats.iter().filter(|format| format.writable);
    if let Some(format) = written.max_by_key(|format| format.capacity) {
        let named = density(format.code).map_or(&*format.description, |known| known.name);
        sheet.row("writes", Some(named));
        sheet.bytes("native capacity", Some(format.capacity));
    }
    sheet.row("compression", abilities.compression.map(compression));
    let checks: Vec<&str> = abilities.checks.iter().filter_map(|method| check(*method)).collect();
    let checks = if checks.is_empty() { "none".to_owned() } else { checks.join(", ") };
    sheet.row("check values behind blocks", Some(checks));
    let encrypts = |able| if able { "AES-256-GCM" } else { "none" };
    sheet.row("encryption", abilities.encrypts.map(encrypts));
    if let Some(limits) = abilities.blocks {
        sheet.bytes("shortest block", Some(Bytes(limits.least.into())));
        sheet.bytes("longest block", limits.most.map(|most| Bytes(most.into())));
    }
}

fn compression(state: Compressing) -> &'static str {
    match state {
        Compressing::Never => "cannot",
        Compressing::Off => "off",
        Compressing::On => "on",
    }
}

fn check(method: Method) -> Option<&'static str> {
    match method {
        Method::Crc32c => Some("CRC-32C"),
        Method::ReedSolomon => Some("Reed-Solomon CRC"),
        Method::None | Method::Other(_) => None,
    }
}

fn cartridge(sheet: &mut Sheet, facts: &CartridgeFacts, health: &Health) {
    let memory = &facts.memory;
    let life = health.cartridge.as_ref();
    let format = memory.formatted_as.or(memory.made_for).and_then(density);
    sheet.row("cartridge", format.map(|known| known.name));
    sheet.row("its maker", memory.manufacturer.as_ref());
    sheet.row("its serial", facts.serial.as_ref());
    let sticker = || life.and_then(|life| life.barcode.as_ref());
    sheet.row("its barcode", memory.barcode.as_ref().or_else(sticker));
    sheet.row("its label for people", memory.label.as_ref());
    sheet.row("made on", memory.made_on.as_ref());
    sheet.count("loaded", memory.loads.or_else(|| life.and_then(|life| life.mounts)));
    sheet.row("kind", memory.kind.map(kind));
    sheet.row("protection", facts.protection.map(protection));
    let room = health.room.map(|[first, ..]| first);
    sheet.bytes("holds", room.and_then(|room| room.most).or(memory.capacity));
    sheet.bytes("left", room.and_then(|room| room.left).or(memory.left));
}

fn kind(kind: CartridgeKind) -> &'static str {
    match kind {
        CartridgeKind::Data => "for data",
        CartridgeKind::WriteOnce => "for data, written once (WORM)",
        CartridgeKind::Cleaning { .. } => "for cleaning",
        CartridgeKind::Other(_) => "for something else",
    }
}

fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::Writable => "may be written",
        Protection::Protected => "write-protected",
    }
}
