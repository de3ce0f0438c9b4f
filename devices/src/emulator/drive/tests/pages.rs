//! What the drive says of itself: replies byte by byte.

use types::Bytes;

use super::{Bench, CartridgeSetup, DRIVE, Generation, Spot, THEM, noise, one, said, tape};
use crate::emulator::Setup;
use crate::emulator::bytes::field;
use crate::emulator::{DriveModel, Kind, Lun};
use crate::scsi::Status;

/// A length field.
fn length_in(reply: &[u8], at: usize, width: usize) -> usize {
    usize::try_from(field(reply, at, width)).unwrap()
}

fn log(bench: &Bench, page: u8) -> Vec<u8> {
    bench.ok(&[0x4d, 0, 0x40 | page, 0, 0, 0, 0, 0xff, 0xff, 0], &[], 0xffff)
}

/// The value of a parameter of a log page.
fn parameter(page: &[u8], code: u64) -> Option<u64> {
    let mut at = 4;
    while at < page.len() {
        let length = usize::from(page[at + 3]);
        if field(page, at, 2) == code {
            return Some(field(page, at + 4, length));
        }
        at += 4 + length;
    }
    None
}

#[test]
fn inquiry_says_what_it_is() {
    let bench = Bench::lto8();
    let reply = bench.ok(&[0x12, 0, 0, 0, 96, 0], &[], 96);
    assert_eq!((reply.len(), reply[0], reply[1], reply[4], reply[5] & 1), (96, 0x01, 0x80, 91, 1));
    assert_eq!(&reply[8..36], b"IBM     ULT3580-TD8     R3G3");
    let pages = bench.ok(&[0x12, 1, 0, 0, 255, 0], &[], 255);
    assert_eq!(pages[..4], [1, 0, 0, 9]);
    for &page in &pages[4..] {
        let reply = bench.ok(&[0x12, 1, page, 0, 255, 0], &[], 255);
        assert_eq!((reply[1], length_in(&reply, 2, 2)), (page, reply.len() - 4), "{page:02x}");
    }
    assert_eq!(bench.ok(&[0x12, 1, 0x80, 0, 255, 0], &[], 255)[4..], *b"RKD0000100");
    assert_eq!(bench.fails(&[0x12, 1, 0x99, 0, 255, 0], &[], 255).code, (0x24, 0));
    assert_eq!(bench.ok(&[0x12, 1, 0xb0, 0, 255, 0], &[], 255)[4], 1, "takes WORM cartridges");
}

#[test]
fn replies_are_cut_to_what_was_asked_for() {
    let bench = Bench::lto8();
    let answer = bench.run(super::US, &[0x12, 0, 0, 0, 5, 0], &[], 96);
    assert_eq!((answer.data.len(), answer.residual), (5, 91));
}

#[test]
fn log_pages_are_whole() {
    let bench = Bench::lto8();
    bench.write(&noise(0, 100_000));
    let pages = log(&bench, 0);
    for &page in &pages[4..] {
        let reply = log(&bench, page);
        assert_eq!((reply[0], length_in(&reply, 2, 2)), (page, reply.len() - 4));
        if page == 0 {
            continue;
        }
        let mut at = 4;
        while at < reply.len() {
            at += 4 + usize::from(reply[at + 3]);
        }
        assert_eq!(at, reply.len(), "{page:02x}");
    }
    assert_eq!(bench.fails(&[0x4d, 0, 0x79, 0, 0, 0, 0, 1, 0, 0], &[], 256).code, (0x24, 0));
}

#[test]
fn the_pages_agree_on_how_much_is_left() {
    let bench = Bench::holding(1_000_000_000);
    for block in 0..3 {
        bench.write(&noise(block, 8 << 20));
    }
    bench.flush();
    let (sequential, capacity, volume) = (log(&bench, 0x0c), log(&bench, 0x31), log(&bench, 0x17));
    assert_eq!(parameter(&sequential, 7), Some(25), "3 × 8 MiB from the beginning");
    assert_eq!(parameter(&sequential, 5), Some(973), "25 MiB before the end");
    assert_eq!(parameter(&sequential, 6), Some(26));
    assert_eq!((parameter(&capacity, 1), parameter(&capacity, 3)), (Some(904), Some(928)));
    assert_eq!(parameter(&volume, 0x16), Some(1000));
    assert_eq!(parameter(&volume, 0x17), Some(25));
    let remaining = bench.ok(&[0x8c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0], &[], 17);
    assert_eq!(field(&remaining, 9, 8), 904, "in MiB");
}

#[test]
fn the_chip_keeps_what_hosts_write() {
    let bench = Bench::lto8();
    let read = |first: u16| {
        let [high, low] = first.to_be_bytes();
        let command = [0x8c, 0, 0, 0, 0, 0, 0, 0, high, low, 0, 0, 4, 0, 0, 0];
        bench.ok(&command, &[], 1024)
    };
    assert_eq!(&read(0x0401)[9..19], b"RKE0000001");
    let mut list = vec![0, 0, 0, 13, 0x08, 0x06, 0x01, 0, 8];
    list.extend(b"RK0001L8");
    bench.ok(&[0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0], &list, 0);
    let reply = read(0x0806);
    assert_eq!(reply[4..], [&[0x08, 0x06, 0x01, 0, 8][..], b"RK0001L8"].concat());
    let gone = [0, 0, 0, 5, 0x08, 0x06, 0x01, 0, 0];
    bench.ok(&[0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0], &gone, 0);
    assert_eq!(read(0x0806).len(), 4);
    let foreign = [0, 0, 0, 6, 0x04, 0x01, 0x01, 0, 1, b'x'];
    let command = [0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0];
    assert_eq!(bench.fails(&command, &foreign, 0).code, (0x26, 0), "the maker's are not ours");
}

#[test]
fn the_volume_change_reference_moves_with_the_first_write_of_a_mount() {
    let bench = Bench::lto8();
    let change = || {
        let reply = bench.ok(&[0x8c, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 13, 0, 0], &[], 13);
        field(&reply, 9, 4)
    };
    let before = change();
    bench.write(&[1; 10]);
    bench.write(&[1; 10]);
    assert_eq!(change(), before + 1);
    bench.ok(&[0x1b, 0, 0, 0, 0, 0], &[], 0);
    bench.ok(&[0x1b, 0, 0, 0, 1, 0], &[], 0);
    bench.settle(super::US);
    assert_eq!(change(), before + 1);
    bench.write(&[1; 10]);
    assert_eq!(change(), before + 2);
}

#[test]
fn a_cartridge_that_is_held_shows_its_chip_and_not_its_tape() {
    let bench = Bench::lto8();
    bench.ok(&[0x1b, 0, 0, 0, 0, 0], &[], 0);
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x3a, 0));
    bench.ok(&[0x1b, 0, 0, 0, 9, 0], &[], 0);
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x3a, 4));
    bench.ok(&[0x8c, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 1, 0, 0, 0], &[], 256);
    bench.ok(&[0x1b, 0, 0, 0, 1, 0], &[], 0);
    assert_eq!(bench.fails(&[0; 6], &[], 0), said(6, (0x28, 0), 0, None));
    bench.ok(&[0; 6], &[], 0);
}

#[test]
fn prevented_removal_refuses_to_unload() {
    let bench = Bench::lto8();
    bench.ok(&[0x1e, 0, 0, 0, 1, 0], &[], 0);
    assert_eq!(bench.fails(&[0x1b, 0, 0, 0, 0, 0], &[], 0).code, (0x53, 2));
    bench.ok(&[0x1e, 0, 0, 0, 0, 0], &[], 0);
    bench.ok(&[0x1b, 0, 0, 0, 0, 0], &[], 0);
}

#[test]
fn mode_pages_are_set_and_others_are_told() {
    let bench = Bench::lto8();
    bench.settle(THEM);
    let all = bench.ok(&[0x5a, 0x08, 0x3f, 0xff, 0, 0, 0, 4, 0, 0], &[], 1024);
    assert_eq!(length_in(&all, 0, 2), all.len() - 2);
    let compression = bench.ok(&[0x1a, 0x08, 0x0f, 0, 255, 0], &[], 255);
    assert_eq!(compression[4..7], [0x0f, 14, 0xc0]);
    let mut list = compression;
    (list[0], list[6]) = (0, 0x40);
    bench.ok(&[0x15, 0x10, 0, 0, 20, 0], &list, 0);
    assert_eq!(bench.ok(&[0x1a, 0x08, 0x0f, 0, 255, 0], &[], 255)[6], 0x40);
    assert_eq!(bench.ok(&[0x1a, 0x08, 0x8f, 0, 255, 0], &[], 255)[6], 0xc0, "by default it is on");
    let told = bench.run(THEM, &[0; 6], &[], 0);
    assert_eq!(super::said_in(&told).code, (0x2a, 0x01));
    let density = bench.ok(&[0x1a, 0, 0, 0, 12, 0], &[], 12);
    assert_eq!(density[3..5], [8, 0x5e]);
    assert_eq!(bench.fails(&[0x15, 0x10, 0, 0, 6, 0], &[0, 0, 0, 0, 0x0f, 14], 0).code, (0x1a, 0));
}

#[test]
fn protected_blocks_carry_a_crc_both_ways() {
    let bench = Bench::lto8();
    let mut page = vec![0; 8];
    page.extend([0x4a, 0xf0, 0, 0x1c, 2, 4, 0xc0, 0]);
    page.extend([0; 24]);
    bench.ok(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0], &page, 0);
    let mut block = noise(3, 1000);
    block.extend(crc32c::crc32c(&block).to_le_bytes());
    bench.ok(&super::write(1004), &block, 0);
    let mut wrong = block.clone();
    wrong[17] ^= 1;
    assert_eq!(bench.fails(&super::write(1004), &wrong, 0), said(4, (0x10, 1), 0, None));
    bench.mark();
    bench.rewind();
    assert_eq!(bench.read(1004), block);
}

#[test]
fn supported_commands_come_with_their_timeouts() {
    let bench = Bench::lto8();
    let all = bench.ok(&[0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 8, 0, 0, 0], &[], 2048);
    assert_eq!((length_in(&all, 0, 4), (all.len() - 4) % 20), (all.len() - 4, 0));
    let read = all[4..].chunks(20).find(|it| it[0] == 0x08).unwrap();
    assert_eq!((read[5] & 2, field(read, 6, 2), field(read, 16, 4)), (2, 6, 2280));
    let one = bench.ok(&[0xa3, 0x0c, 1, 0x92, 0, 0, 0, 0, 0, 64, 0, 0], &[], 64);
    assert_eq!((one[1] & 7, field(&one, 2, 2), one.len()), (3, 16, 20));
    let none = bench.ok(&[0xa3, 0x0c, 1, 0x28, 0, 0, 0, 0, 0, 64, 0, 0], &[], 64);
    assert_eq!(none[1] & 7, 1);
    assert_eq!(bench.fails(&[0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[], 0).code, (0x20, 0));
}

#[test]
fn every_command_that_is_listed_exists() {
    let bench = Bench::lto8();
    let all = bench.ok(&[0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0], &[], 2048);
    for command in all[4..].chunks(8) {
        let mut cdb = vec![0; usize::try_from(field(command, 6, 2)).unwrap()];
        (cdb[0], cdb[1]) = (command[0], command[3]);
        let answer = bench.run(super::US, &cdb, &[], 0);
        let unknown =
            answer.status == Status::CheckCondition && super::said_in(&answer).code == (0x20, 0);
        assert!(!unknown, "{:02x}", command[0]);
    }
}

#[test]
fn densities_say_what_is_written_and_what_only_read() {
    let bench = Bench::new(one(Generation::Lto7).with(tape(Generation::Lto7)));
    let all = bench.ok(&[0x44, 0, 0, 0, 0, 0, 0, 2, 0, 0], &[], 512);
    let known: Vec<_> = all[4..].chunks(52).map(|it| (it[0], it[2])).collect();
    assert_eq!(known, [(0x5c, 0xa0), (0x5a, 0x80), (0x58, 0x00)]);
    let medium = bench.ok(&[0x44, 1, 0, 0, 0, 0, 0, 2, 0, 0], &[], 512);
    assert_eq!((medium.len(), field(&medium, 4 + 12, 4)), (56, 6_000_000));
}

#[test]
fn alerts_are_cleared_by_the_page_that_lists_them() {
    let bench = Bench::lto8();
    bench.library.operator().write_protect("RK0001L8", true).unwrap();
    bench.fails(&super::write(1), &[0], 0);
    let map = |bench: &Bench| parameter(&log(bench, 0x12), 0).unwrap();
    assert_eq!((map(&bench), map(&bench)), (1 << (64 - 9), 1 << (64 - 9)));
    let listed = log(&bench, 0x2e);
    assert_eq!((parameter(&listed, 9), parameter(&listed, 8)), (Some(1), Some(0)));
    assert_eq!(map(&bench), 0);
}

#[test]
fn a_dirty_drive_asks_refuses_and_is_cleaned() {
    let setup = Setup::of(&DriveModel::ibm(Generation::Lto8), 1, 2, 0)
        .with(tape(Generation::Lto8))
        .with(CartridgeSetup::cleaning(Spot::Slot(1), "CLNU01L1", 1));
    let bench = Bench::new(setup);
    let operator = bench.library.operator();
    operator.open_door().unwrap();
    let exchange = |barcode| {
        bench.library.press_eject(DRIVE);
        // The cleaning cartridge is in its slot at first.
        let from = operator.find(barcode).unwrap();
        if !matches!(from, Spot::Outside(_)) {
            operator.take(from).unwrap();
        }
        operator.take(Spot::Drive(0)).ok();
        operator.put(barcode, Spot::Drive(0)).unwrap();
    };
    bench.library.soil(DRIVE);
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x00, 0x17), "it asks");
    bench.write(&[0; 10]);
    assert_eq!(log(&bench, 0x11)[8] & 0x06, 0x04);
    bench.library.soil(DRIVE);
    assert_eq!(bench.fails(&super::write(10), &[0; 10], 0).key, 3);
    assert_eq!(log(&bench, 0x11)[8] & 0x06, 0x06);
    assert_eq!(parameter(&log(&bench, 0x2e), 0x14), Some(1));
    exchange("CLNU01L1");
    bench.library.set_pace(crate::emulator::Pace::Virtual);
    bench.pause(std::time::Duration::from_secs(20));
    assert_eq!(bench.fails(&[0; 6], &[], 0), said(2, (0x30, 3), 0, None));
    bench.pause(std::time::Duration::from_secs(200));
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x3a, 0));
    bench.library.set_pace(crate::emulator::Pace::Instant);
    exchange("RK0001L8");
    bench.settle(super::US);
    bench.write(&[0; 10]);
    exchange("CLNU01L1");
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x30, 3), "it is used up");
    assert_eq!(parameter(&log(&bench, 0x2e), 0x16), Some(1));
}

#[test]
fn a_worm_cartridge_is_told_by_its_mode_page() {
    let worm = CartridgeSetup { kind: Kind::Worm, ..tape(Generation::Lto8) };
    let bench = Bench::new(one(Generation::Lto8).with(worm.holding(Bytes(1 << 30))));
    let page = bench.ok(&[0x1a, 0x08, 0x1d, 0, 255, 0], &[], 255);
    assert_eq!((page[4], page[6] & 1), (0x1d, 1));
}

#[test]
fn there_are_as_many_units_as_drives_and_the_changer() {
    let bench = Bench::new(Setup::of(&DriveModel::ibm(Generation::Lto8), 3, 1, 0));
    let reply = bench.ok(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], &[], 64);
    assert_eq!((field(&reply, 0, 4), reply.len()), (32, 40));
    let nobody = bench.library.execute(Lun(9), super::US, &[0; 6], &[], 0).unwrap();
    assert_eq!(super::said_in(&nobody).code, (0x25, 0));
}

#[test]
fn segments_are_ordered_by_the_way_to_them() {
    let bench = Bench::new(one(Generation::Lto9).with(tape(Generation::Lto9)));
    let limits = bench.ok(&[0xa3, 0x9d, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0], &[], 8);
    assert_eq!((field(&limits, 0, 2), field(&limits, 2, 2)), (2730, 32));
    for _ in 0..10 {
        bench.write(&noise(0, 8 << 20));
    }
    let mut list = vec![0, 0, 0, 0, 0, 0, 0, 96];
    for (name, begin) in [(1, 8_u64), (2, 1), (3, 5)] {
        list.extend([0, 0x1e, 0, 0, 0]);
        list.extend([name; 10]);
        list.push(0);
        list.extend(begin.to_be_bytes());
        list.extend((begin + 1).to_be_bytes());
    }
    bench.locate(0);
    bench.ok(&[0xa4, 0x1d, 2, 0, 0, 0, 0, 0, 0, 104, 0, 0], &list, 0);
    let reply = bench.ok(&[0xa3, 0x1d, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], &[], 256);
    assert_eq!(field(&reply, 4, 4), 96);
    let order: Vec<_> = reply[8..].chunks(32).map(|it| it[5]).collect();
    assert_eq!(order, [2, 3, 1]);
    let half = DriveModel { half_height: true, ..DriveModel::ibm(Generation::Lto9) };
    let bench = Bench::new(Setup::of(&half, 1, 0, 0).with(tape(Generation::Lto9)));
    assert_eq!(bench.fails(&[0xa3, 0x9d, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0], &[], 8).key, 5);
}

#[test]
fn the_ends_of_wraps_are_objects() {
    // 208 wraps of 1 MB.
    let bench = Bench::holding(208_000_000);
    for block in 0..25 {
        bench.write(&noise(block, 100_000));
    }
    let all = bench.ok(&[0xa3, 0x1f, 0x45, 0x02, 0, 0, 0, 0, 8, 0, 0, 0], &[], 2048);
    let ends: Vec<_> = all[4..].chunks(12).map(|it| (field(it, 0, 2), field(it, 6, 6))).collect();
    assert_eq!(ends, [(0, 10), (1, 20), (2, 25)]);
}
