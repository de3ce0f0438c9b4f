//! The changer as its initiators see it. Replies are taken apart here by hand, from the standard.

mod decoded;

use std::time::Duration;

use super::super::dialect::Dialect;
use super::super::drive::Seat;
use super::super::faults::{Act, FaultPlan, Rule, Sense};
use super::super::generation::Generation;
use super::super::setup::{CartridgeSetup, DriveModel, Setup};
use super::super::{Answer, Library, Lun, Nexus, Pace, Spot};
use super::Unable;
use crate::scsi::Status;

const HOST: Nexus = Nexus(1);
const CHANGER: Lun = Lun(0);

/// Two drives, eight slots of which three are full, two mail slots.
fn library(dialect: Dialect) -> Library {
    let drive = DriveModel::ibm(Generation::Lto8);
    let mut setup = Setup::of(&drive, 2, 8, 2).filled("TST", 3, Generation::Lto8);
    setup.dialect = dialect;
    let library = Library::new(setup);
    library.set_pace(Pace::Instant);
    for lun in library.luns() {
        hear(&library, lun);
    }
    hear(&library, CHANGER); // one that looks around says so
    library
}

fn ask(library: &Library, lun: Lun, cdb: &[u8]) -> Answer {
    library.execute(lun, HOST, cdb, &[], 65_536).unwrap()
}

/// TEST UNIT READY: key, code, qualifier.
fn hear(library: &Library, lun: Lun) -> Option<(u8, u8, u8)> {
    complaint(&ask(library, lun, &[0; 6]))
}

fn complaint(answer: &Answer) -> Option<(u8, u8, u8)> {
    (answer.status == Status::CheckCondition)
        .then(|| (answer.sense[2] & 0x0f, answer.sense[12], answer.sense[13]))
}

fn move_medium(library: &Library, from: u16, to: u16) -> Option<(u8, u8, u8)> {
    complaint(&ask(library, CHANGER, &move_cdb(from, to)))
}

fn move_cdb(from: u16, to: u16) -> [u8; 12] {
    let ([from_high, from_low], [to_high, to_low]) = (from.to_be_bytes(), to.to_be_bytes());
    [0xa5, 0, 0, 0, from_high, from_low, to_high, to_low, 0, 0, 0, 0]
}

/// The drive has let go of what is in it.
fn unload(library: &Library, drive: usize) {
    library.world().drives[drive].seat = Seat::Ejected;
}

/// READ ELEMENT STATUS.
fn status_cdb(kind: u8, tags: bool, ids: bool, first: u16, room: u32) -> [u8; 12] {
    let [high, low] = first.to_be_bytes();
    let [_, a, b, c] = room.to_be_bytes();
    let tags = if tags { 0x10 } else { 0 };
    [0xb8, tags | kind, high, low, 0xff, 0xff, u8::from(ids), a, b, c, 0, 0]
}

struct Element {
    kind: u8,
    address: u16,
    flags: u8,
    code: (u8, u8),
    source: Option<u16>,
    rest: Vec<u8>,
}

impl Element {
    fn tag(&self) -> String {
        String::from_utf8_lossy(&self.rest[..32]).trim_end_matches([' ', '\0']).to_owned()
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// All elements of a well-formed reply.
fn elements(data: &[u8]) -> Vec<Element> {
    assert_eq!(number(&data[5..8]), data.len() - 8);
    let mut all = Vec::new();
    let mut pages = &data[8..];
    while !pages.is_empty() {
        let (kind, length, bytes) = (pages[0], number(&pages[2..4]), number(&pages[5..8]));
        for one in pages[8..8 + bytes].chunks(length) {
            all.push(Element {
                kind,
                address: u16::from_be_bytes([one[0], one[1]]),
                flags: one[2],
                code: (one[4], one[5]),
                source: (one[9] & 0x80 != 0).then(|| u16::from_be_bytes([one[10], one[11]])),
                rest: one[12..].to_vec(),
            });
        }
        pages = &pages[8 + bytes..];
    }
    assert_eq!(number(&data[2..4]), all.len());
    all
}

fn inventory(library: &Library) -> Vec<Element> {
    let answer = ask(library, CHANGER, &status_cdb(0, true, false, 0, 65_535));
    assert_eq!(complaint(&answer), None);
    elements(&answer.data)
}

fn at(library: &Library, address: u16) -> Element {
    inventory(library).into_iter().find(|element| element.address == address).unwrap()
}

const SLOT: u16 = 1000;
const MAIL: u16 = 10;
const DRIVE: u16 = 500;

#[test]
fn the_inventory_names_every_place_and_cartridge() {
    let library = library(Dialect::Standard);
    let all = inventory(&library);
    let kinds: Vec<u8> = all.iter().map(|element| element.kind).collect();
    assert_eq!(kinds, [1, 3, 3, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2]);
    let slots: Vec<(u16, u8, String)> = all[5..9]
        .iter()
        .map(|element| (element.address, element.flags & 0x09, element.tag()))
        .collect();
    let expected =
        [(1000, 9, "TST0001L8"), (1001, 9, "TST0002L8"), (1002, 9, "TST0003L8"), (1003, 8, "")];
    assert_eq!(slots, expected.map(|(address, flags, tag)| (address, flags, tag.to_owned())));
    assert_eq!(all[1].flags & 0x30, 0x30, "mail slots take and give");
}

#[test]
fn a_short_allocation_cuts_the_reply_and_not_its_counts() {
    let library = library(Dialect::Standard);
    let whole = ask(&library, CHANGER, &status_cdb(0, true, false, 0, 65_535)).data;
    let short = ask(&library, CHANGER, &status_cdb(0, true, false, 0, 8)).data;
    assert_eq!(short, whole[..8]);
    let mut cdb = status_cdb(2, false, false, 1002, 65_535);
    cdb[4..6].copy_from_slice(&[0, 3]);
    let some = elements(&ask(&library, CHANGER, &cdb).data);
    assert_eq!(some.iter().map(|element| element.address).collect::<Vec<_>>(), [1002, 1003, 1004]);
}

#[test]
fn a_cartridge_goes_to_a_drive_and_back_and_its_home_is_remembered() {
    let library = library(Dialect::Standard);
    assert_eq!(move_medium(&library, SLOT, DRIVE), None);
    let drive = at(&library, DRIVE);
    assert_eq!((drive.tag().as_str(), drive.source), ("TST0001L8", Some(SLOT)));
    assert_eq!(drive.flags & 0x09, 0x01, "full, and not to be had");
    assert_eq!(move_medium(&library, SLOT + 1, DRIVE), Some((5, 0x3b, 0x0d)));
    assert_eq!(move_medium(&library, SLOT, DRIVE + 1), Some((5, 0x3b, 0x0e)));
    assert_eq!(move_medium(&library, SLOT, 77), Some((5, 0x21, 0x01)));
    assert_eq!(move_medium(&library, DRIVE, SLOT + 5), Some((5, 0x53, 0x01)));
    unload(&library, 0);
    assert_eq!(move_medium(&library, DRIVE, SLOT + 5), None);
    let slot = at(&library, SLOT + 5);
    assert_eq!((slot.tag().as_str(), slot.source), ("TST0001L8", Some(SLOT)));
}

#[test]
fn a_drive_that_does_not_let_go_is_reported_in_three_ways() {
    for (dialect, end) in [
        (Dialect::Standard, Some((5, 0x53, 0x01))),
        (Dialect::ScalarI3, Some((5, 0x3a, 0x00))),
        (Dialect::Sl150, None),
    ] {
        let library = library(dialect);
        let at = dialect.profile().addresses;
        assert_eq!(move_medium(&library, at.slots, at.drives), None);
        assert_eq!(move_medium(&library, at.drives, at.slots), end, "{dialect:?}");
        let seen = library.operator().find("TST0001L8");
        assert_eq!(seen, Some(Spot::Drive(0)), "{dialect:?}: nothing has moved");
    }
}

#[test]
fn the_hours_that_a_drive_worked_are_not_the_robots_who_had_nothing_to_do() {
    let library = library(Dialect::Standard);
    library.set_pace(Pace::Virtual);
    assert_eq!(move_medium(&library, SLOT, DRIVE), None);
    let nine_hours = Duration::from_secs(9 * 3600);
    library.pass_time(Lun(1), nine_hours);
    unload(&library, 0);
    let took = ask(&library, CHANGER, &move_cdb(DRIVE, SLOT)).took;
    assert!((1..120).contains(&took.as_secs()), "{took:?}");
    assert!(library.world().now() > nine_hours, "what the drive did is over for the robot too");
}

#[test]
fn an_exchange_is_two_moves_where_it_is_offered() {
    let exchange = |dialect: Dialect| {
        let library = library(dialect);
        let first = dialect.profile().addresses.slots;
        let [high, low] = first.to_be_bytes();
        // What is in the second slot makes room for what is in the first, and takes its place.
        let cdb = [0xa6, 0, 0, 0, high, low, high, low + 1, high, low, 0, 0];
        let end = complaint(&ask(&library, CHANGER, &cdb));
        (end, library.operator().find("TST0001L8"), library.operator().find("TST0002L8"))
    };
    let moved = (None, Some(Spot::Slot(1)), Some(Spot::Slot(0)));
    assert_eq!(exchange(Dialect::Standard), moved);
    let refused = (Some((5, 0x20, 0x00)), Some(Spot::Slot(0)), Some(Spot::Slot(1)));
    assert_eq!(exchange(Dialect::Ts4300), refused);
}

#[test]
fn a_hand_at_the_mail_slot_is_noticed_and_shown() {
    let library = library(Dialect::Standard);
    let person = library.operator();
    let new = CartridgeSetup::blank(Spot::Arm, "NEW001L8", Generation::Lto8);
    person.put_new(&new, Spot::Mail(0)).unwrap();
    assert_eq!(hear(&library, CHANGER), Some((6, 0x28, 0x01)));
    let mail = at(&library, MAIL);
    assert_eq!((mail.tag().as_str(), mail.flags & 0x03), ("NEW001L8", 0x03));
    assert_eq!(move_medium(&library, MAIL, SLOT + 7), None);
    assert_eq!(move_medium(&library, SLOT + 7, MAIL), None);
    assert_eq!(at(&library, MAIL).flags & 0x02, 0, "the robot put it there");
    assert_eq!(person.take(Spot::Mail(0)), Ok(Spot::Outside(0)));
    assert_eq!(person.put("NEW001L8", Spot::Slot(7)), Err(Unable::BehindTheDoor(Spot::Slot(7))));
}

#[test]
fn locked_mail_slots_open_for_nobody() {
    let library = library(Dialect::Standard);
    let person = library.operator();
    ask(&library, CHANGER, &[0x1e, 0, 0, 0, 1, 0]);
    assert_eq!(person.open_mail_slots(), Err(Unable::Locked));
    let open = [0x1b, 0, 0, 10, 0, 0];
    assert_eq!(complaint(&ask(&library, CHANGER, &open)), Some((5, 0x53, 0x02)));
    ask(&library, CHANGER, &[0x1e, 0, 0, 0, 0, 0]);
    assert_eq!(complaint(&ask(&library, CHANGER, &open)), None);
    assert_eq!(move_medium(&library, SLOT, MAIL), Some((5, 0x3b, 0x12)));
    person.close_mail_slots().unwrap();
    assert_eq!(hear(&library, CHANGER), Some((6, 0x28, 0x01)));
    assert_eq!(move_medium(&library, SLOT, MAIL), None);
}

#[test]
fn an_open_door_stops_the_robot_and_a_closed_one_is_followed_by_a_look_around() {
    let library = library(Dialect::ScalarI3);
    library.set_pace(Pace::Virtual);
    let person = library.operator();
    person.open_door().unwrap();
    assert_eq!(hear(&library, CHANGER), Some((2, 0x04, 0x03)));
    person.take(Spot::Slot(1)).unwrap();
    person.close_door().unwrap();
    assert_eq!(hear(&library, CHANGER), Some((6, 0x28, 0x00)));
    assert_eq!(hear(&library, Lun(1)), Some((2, 0x3a, 0x00)), "the drives hear nothing");
    assert_eq!(hear(&library, CHANGER), Some((2, 0x04, 0x01)));
    assert_eq!(move_medium(&library, 4096, 256), Some((2, 0x04, 0x01)));
    let mut known = status_cdb(2, true, false, 0, 65_535);
    known[6] |= 0x02;
    assert_eq!(complaint(&ask(&library, CHANGER, &known)), None, "CURDATA needs no look");
    library.pass_time(CHANGER, std::time::Duration::from_secs(331));
    assert_eq!(hear(&library, CHANGER), None);
}

#[test]
fn behind_some_bridges_every_unit_hears_of_the_door() {
    let library = library(Dialect::Xl1b2);
    library.operator().open_door().unwrap();
    library.operator().close_door().unwrap();
    assert_eq!(hear(&library, Lun(1)), Some((6, 0x28, 0x00)));
    assert_eq!(hear(&library, Lun(2)), Some((6, 0x28, 0x00)));
}

#[test]
fn what_a_person_does_unnoticed_shows_only_when_the_hand_gets_there() {
    let library = library(Dialect::Standard);
    let person = library.operator();
    person.take_unnoticed(Spot::Slot(0)).unwrap();
    assert_eq!(hear(&library, CHANGER), None);
    assert_eq!(at(&library, SLOT).tag(), "TST0001L8");
    assert_eq!(move_medium(&library, SLOT, DRIVE), Some((5, 0x3b, 0x0e)));
    assert_eq!(at(&library, SLOT).flags & 1, 0);
    person.swap_unnoticed(Spot::Slot(1), Spot::Slot(2)).unwrap();
    assert_eq!(at(&library, SLOT + 1).tag(), "TST0002L8");
    assert_eq!(complaint(&ask(&library, CHANGER, &[0x07, 0, 0, 0, 0, 0])), None);
    assert_eq!(at(&library, SLOT + 1).tag(), "TST0003L8");
}

#[test]
fn unreadable_stickers_and_broken_places_are_exceptions() {
    let library = library(Dialect::Standard);
    let person = library.operator();
    person.relabel(Spot::Slot(0), None).unwrap();
    let slot = at(&library, SLOT);
    assert_eq!((slot.flags & 0x05, slot.code, slot.tag().as_str()), (0x05, (0x83, 0x09), ""));
    person.break_place(Spot::Drive(1), Some([0x83, 0x04])).unwrap();
    let drive = at(&library, DRIVE + 1);
    assert_eq!((drive.flags & 0x0c, drive.code), (0x04, (0x83, 0x04)));
    assert_eq!(move_medium(&library, SLOT, DRIVE + 1), Some((5, 0x3b, 0x11)));
    person.relabel(Spot::Slot(1), Some("TST0003L8")).unwrap();
    assert_eq!(at(&library, SLOT + 1).tag(), at(&library, SLOT + 2).tag());
}

#[test]
fn a_move_may_fail_before_or_after_the_act_or_be_a_lie() {
    let sense = Sense { key: 4, code: [0x15, 0x01], information: None };
    for (act, end, place) in [
        (Act::Check(sense), Some((4, 0x15, 0x01)), Spot::Slot(0)),
        (Act::CheckAfter(sense), Some((4, 0x15, 0x01)), Spot::Drive(0)),
        (Act::Lie, None, Spot::Slot(0)),
    ] {
        let library = library(Dialect::Standard);
        library.set_faults(FaultPlan::one(Rule::new(act).on(CHANGER).at(0xa5)));
        assert_eq!(move_medium(&library, SLOT, DRIVE), end);
        assert_eq!(library.operator().find("TST0001L8"), Some(place));
    }
}

#[test]
fn a_new_partitioning_renumbers_the_elements_and_says_so() {
    let library = library(Dialect::Standard);
    library.operator().renumber(7).unwrap();
    assert_eq!(hear(&library, CHANGER), Some((6, 0x2a, 0x01)));
    assert_eq!(at(&library, SLOT + 7).tag(), "TST0001L8");
    let page = ask(&library, CHANGER, &[0x1a, 0x08, 0x1d, 0, 255, 0]).data;
    assert_eq!(page.len(), 24);
    assert_eq!(page[..4], [23, 0, 0, 0]);
    assert_eq!(page[10..14], [3, 0xef, 0, 8], "slots from 1007");
}

#[test]
fn drives_are_named_as_the_dialect_names_them() {
    let name = |dialect: Dialect| {
        let library = library(dialect);
        let tags = false;
        let answer = ask(&library, CHANGER, &status_cdb(4, tags, true, 0, 65_535));
        if complaint(&answer).is_some() {
            return None;
        }
        let end = answer.data.len() - 8;
        let count = number(&answer.data[5..8]);
        assert!(count.abs_diff(end) <= 8);
        Some(answer.data[16 + 12..].to_vec())
    };
    let id = name(Dialect::Ts4300).unwrap();
    assert_eq!(id[..4], [2, 1, 0, 34]);
    assert_eq!(id[4..38], *b"IBM     ULT3580-TD8     RKD0000100");
    let id = name(Dialect::Mhvtl).unwrap();
    assert_eq!(id[..14], *b"\x02\x00\x00\x0aRKD0000100");
    let id = name(Dialect::ScalarI3).unwrap();
    assert_eq!(id[..4], [1, 3, 0, 8]);
    assert_eq!(id[4] >> 4, 5);
    assert_eq!(name(Dialect::Neo), None);
}

#[test]
fn each_whim_of_the_element_status_is_there() {
    let ask_in = |dialect: Dialect, cdb: [u8; 12]| ask(&library(dialect), CHANGER, &cdb);
    let refused = |answer: Answer| complaint(&answer).is_some();
    assert!(refused(ask_in(Dialect::Msl, status_cdb(4, true, true, 0, 65_535))));
    assert!(!refused(ask_in(Dialect::Msl, status_cdb(4, true, false, 0, 65_535))));
    assert!(refused(ask_in(Dialect::Superloader3, status_cdb(0, true, false, 0, 65_535))));
    assert!(refused(ask_in(Dialect::AdicDat, status_cdb(0, true, false, 0, 65_535))));

    let zeros = ask_in(Dialect::AdicDat, status_cdb(2, false, false, 0, 65_535)).data;
    assert_eq!(zeros[zeros.len() - 32..], [0; 32]);

    let cut = ask_in(Dialect::Neo, status_cdb(2, true, false, 0, 65_536 + 40)).data;
    assert_eq!(cut.len(), 40, "only the low two bytes count");

    let few = ask_in(Dialect::Starwinds, status_cdb(2, true, false, 0, 65_535)).data;
    assert_eq!(number(&few[5..8]) + 16, few.len());
    let many = ask_in(Dialect::Thur, status_cdb(2, true, false, 0, 65_535)).data;
    assert_eq!(number(&many[5..8]), many.len());

    let claimed = ask_in(Dialect::Mhvtl, status_cdb(2, true, false, 0, 65_535)).data;
    assert_eq!((claimed[9], number(&claimed[10..12])), (0xc0, 52));

    let loader = library(Dialect::Xl1b2);
    let whole = status_cdb(0, true, false, 0, 65_535);
    assert!(refused(ask(&loader, CHANGER, &whole)));
    assert!(!refused(ask(&loader, CHANGER, &status_cdb(0, true, false, 0, 8))));
    assert!(!refused(ask(&loader, CHANGER, &whole)));
    let behind = ask(&loader, CHANGER, &status_cdb(0, true, false, 60_000, 65_535));
    assert_eq!(complaint(&behind), Some((5, 0x21, 0x01)));
}

#[test]
fn every_dialect_answers_what_every_driver_asks_first() {
    for dialect in Dialect::ALL {
        let library = library(dialect);
        let inquiry = ask(&library, CHANGER, &[0x12, 0, 0, 0, 96, 0]).data;
        assert_eq!((inquiry[0], usize::from(inquiry[4]) + 5), (8, inquiry.len()), "{dialect:?}");
        for page in [0x00, 0x80, 0x83] {
            let data = ask(&library, CHANGER, &[0x12, 1, page, 0, 255, 0]).data;
            assert_eq!((data[1], number(&data[2..4]) + 4), (page, data.len()), "{dialect:?}");
        }
        for cdb in [[0x1a, 8, 0x3f, 0, 255, 0], [0x1a, 8, 0x1f, 0, 255, 0]] {
            let data = ask(&library, CHANGER, &cdb).data;
            assert_eq!(usize::from(data[0]) + 1, data.len(), "{dialect:?}");
        }
        for page in [0x40, 0x54, 0x6e] {
            let data = ask(&library, CHANGER, &[0x4d, 0, page, 0, 0, 0, 0, 2, 0, 0]).data;
            assert_eq!(number(&data[2..4]) + 4, data.len(), "{dialect:?}");
        }
        let codes = ask(&library, CHANGER, &[0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 4, 0, 0, 0]).data;
        assert_eq!(number(&codes[..4]) + 4, codes.len(), "{dialect:?}");
        assert_eq!(complaint(&ask(&library, CHANGER, &[0x15, 0, 0, 0, 0, 0])), Some((5, 0x20, 0)));
    }
}

#[test]
fn no_command_whatever_panics() {
    let library = library(Dialect::Standard);
    for opcode in 0..=u8::MAX {
        for fill in [0x00, 0x01, 0x7f, 0xff] {
            let mut cdb = [fill; 16];
            cdb[0] = opcode;
            for length in [1, 6, 16] {
                for room in [0, 5, 4096] {
                    let answer = library.execute(CHANGER, HOST, &cdb[..length], &[], room);
                    assert!(answer.is_ok_and(|answer| answer.data.len() <= room));
                }
            }
        }
    }
}
