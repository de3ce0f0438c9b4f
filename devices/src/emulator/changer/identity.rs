//! What the changer says of itself: INQUIRY, mode pages, log pages, its commands.

use super::super::ask::{Ask, length_of};
use super::super::bytes::Layout;
use super::super::complaint::{Complaint, Outcome, Reply};
use super::super::dialect::{Exchange, Profile, Range, VolumeTags};
use super::super::world::World;
use super::numbering::{Kind, Numbering};
use super::{numbering, profile};

/// A world wide name made from a serial number: NAA 3, locally assigned.
fn world_wide_name(serial: &str) -> [u8; 8] {
    let digits = serial.bytes().filter(u8::is_ascii_digit);
    let number = digits.fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    (0x3000_0e11_0000_0000 | number & 0xffff_ffff).to_be_bytes()
}

/// INQUIRY (SPC-4, 6.6).
pub(super) fn inquiry(world: &World, ask: &Ask<'_>) -> Reply {
    let profile = profile(world);
    let data = match (ask.bit(1, 0x01), ask.byte(2)) {
        (false, 0) => standard(profile),
        (true, 0x00) => page(0x00, &[0x00, 0x80, 0x83]),
        (true, 0x80) => page(0x80, profile.serial.as_bytes()),
        (true, 0x83) => page(0x83, &designators(profile)),
        _ => return Err(Complaint::bad_command(2).into()),
    };
    Ok(Outcome::reply(data, ask.field(3, 2)))
}

fn standard(profile: &Profile) -> Vec<u8> {
    let barcode_reader = u64::from(profile.volume_tags == VolumeTags::Given);
    let mut data = Layout::new();
    data.byte(0x08)
        .byte(0x80)
        .byte(0x05)
        .byte(0x02)
        .zeros(4)
        .text(8, profile.vendor)
        .text(16, profile.product)
        .text(4, profile.revision)
        .zeros(19)
        .put(1, barcode_reader)
        .zeros(2)
        // SAM-3, SPC-3, SMC-2.
        .put(2, 0x0060)
        .put(2, 0x0300)
        .put(2, 0x02e0)
        .zeros(10);
    // The additional length counts what follows it.
    let length = data.len().saturating_sub(5) as u64;
    data.set(4, 1, length);
    data.done()
}

fn page(code: u8, body: &[u8]) -> Vec<u8> {
    let mut page = Layout::new();
    page.byte(0x08).byte(code).put(2, body.len() as u64).bytes(body);
    page.done()
}

fn designators(profile: &Profile) -> Vec<u8> {
    let mut name = Layout::new();
    name.text(8, profile.vendor).text(16, profile.product).bytes(profile.serial.as_bytes());
    let name = name.done();
    let mut all = Layout::new();
    all.byte(2).byte(1).byte(0).put(1, name.len() as u64).bytes(&name);
    all.byte(1).byte(3).byte(0).byte(8).bytes(&world_wide_name(profile.serial));
    all.done()
}

/// MODE SENSE(6) and (10).
pub(super) fn mode_sense(world: &World, ask: &Ask<'_>) -> Reply {
    let numbering = numbering(world);
    let profile = profile(world);
    // Saved values are not kept (SPC-4, 6.11.3).
    if ask.byte(2) >> 6 == 3 || ask.byte(3) != 0 {
        return Err(Complaint::bad_command(2).into());
    }
    let changeable = ask.byte(2) >> 6 == 1;
    let mut pages = Layout::new();
    for code in [0x1d, 0x1e, 0x1f] {
        if matches!(ask.byte(2) & 0x3f, all if all == 0x3f || all == code) {
            let mut page = mode_page(code, profile, &numbering);
            if changeable {
                page.iter_mut().skip(2).for_each(|byte| *byte = 0);
            }
            pages.bytes(&page);
        }
    }
    if pages.len() == 0 {
        return Err(Complaint::bad_command(2).into());
    }
    let pages = pages.done();
    let mut reply = Layout::new();
    let (width, allocation) = if ask.opcode() == 0x1a {
        reply.zeros(4);
        (1, ask.field(4, 1))
    } else {
        reply.zeros(8);
        (2, ask.field(7, 2))
    };
    reply.bytes(&pages);
    Ok(Outcome::reply(reply.close(0, width), allocation))
}

fn mode_page(code: u8, profile: &Profile, numbering: &Numbering) -> Vec<u8> {
    let mut page = Layout::new();
    page.byte(code).byte(0);
    match code {
        // Element address assignment (SMC-3, 7.3.4).
        0x1d => {
            for kind in [Kind::Arm, Kind::Slot, Kind::Mail, Kind::Drive] {
                let stretch = numbering.stretch(kind);
                page.put(2, u64::from(stretch.first)).put(2, u64::from(stretch.count));
            }
            page.zeros(2);
        }
        // Transport geometry (SMC-3, 7.3.5): it does not turn cartridges over.
        0x1e => {
            page.zeros(2 * usize::from(numbering.stretch(Kind::Arm).count));
        }
        // Device capabilities (SMC-3, 7.3.2): everything but the arm stores, and all moves are offered.
        _ => {
            let exchange = if profile.exchange == Exchange::Offered { 0x0e } else { 0 };
            page.byte(0x0e).byte(0).bytes(&[0x00, 0x0e, 0x0e, 0x0e]).zeros(4);
            page.bytes(&[0x00, exchange, exchange, exchange]).zeros(4);
        }
    }
    page.close(1, 1)
}

/// LOG SENSE: the list, media changer statistics, TapeAlert.
pub(super) fn log_sense(world: &World, ask: &Ask<'_>) -> Reply {
    let tally = world.changer.lasting.tally;
    let code = ask.byte(2) & 0x3f;
    let mut page = Layout::new();
    page.byte(code).byte(0).zeros(2);
    match (code, ask.byte(3)) {
        (0x00, 0) => {
            page.bytes(&[0x00, 0x14, 0x2e]);
        }
        (0x14, 0) => {
            let counts = [
                tally.moves,
                tally.picks,
                0,
                tally.places,
                0,
                tally.tags_read,
                0,
                tally.doors,
                tally.drawers,
                tally.scans,
            ];
            for (number, count) in (0..).zip(counts) {
                page.put(2, number).byte(0x03).byte(4).put(4, count);
            }
        }
        (0x2e, 0) => {
            for flag in 1..=64 {
                page.put(2, flag).byte(0).byte(1).byte(0);
            }
        }
        _ => return Err(Complaint::bad_command(2).into()),
    }
    Ok(Outcome::reply(page.close(2, 2), ask.field(7, 2)))
}

/// REPORT SUPPORTED OPERATION CODES: all of them, with the time each may take.
pub(super) fn supported(world: &World, ask: &Ask<'_>) -> Reply {
    if ask.byte(2) & 0x07 != 0 {
        return Err(Complaint::bad_command(2).into());
    }
    let timeouts = ask.bit(2, 0x80);
    let profile = profile(world);
    let mut list = Layout::new();
    list.zeros(4);
    for opcode in opcodes(profile) {
        let service_action = if opcode == 0xa3 { 0x0c } else { 0 };
        let flags = u8::from(opcode == 0xa3) | if timeouts { 0x02 } else { 0 };
        list.byte(opcode)
            .byte(0)
            .put(2, service_action)
            .byte(0)
            .byte(flags)
            .put(2, length_of(opcode) as u64);
        if timeouts {
            let recommended = match opcode {
                0x07 | 0x37 | 0xe7 => 1800,
                0xa5 | 0xa6 => 600,
                _ => 60,
            };
            list.put(2, 10).zeros(2).put(4, profile.move_s).put(4, recommended);
        }
    }
    Ok(Outcome::reply(list.close(0, 4), ask.field(6, 4)))
}

fn opcodes(profile: &Profile) -> Vec<u8> {
    let mut opcodes = vec![
        0x00, 0x03, 0x07, 0x12, 0x16, 0x17, 0x1a, 0x1b, 0x1d, 0x1e, 0x2b, 0x4d, 0x5a, 0x5e, 0x5f,
        0xa0, 0xa3, 0xa5, 0xb8,
    ];
    match profile.range {
        Range::Standard => opcodes.push(0x37),
        Range::Vendor => opcodes.push(0xe7),
        Range::Neither => {}
    }
    if profile.exchange == Exchange::Offered {
        opcodes.push(0xa6);
    }
    opcodes.sort_unstable();
    opcodes
}
