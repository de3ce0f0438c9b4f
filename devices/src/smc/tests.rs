//! Inventories in every dialect, and moves that go wrong in every way.

use proptest::prelude::*;

use super::survey::Told;
use super::toy::{Fault, Toy, Whims};
use super::*;
use crate::scsi::sense::Key;
use crate::transport::Wait;

const SLOTS: [&str; 4] = ["A00001L8", "A00002L8", "", "CLNU01L1"];

type Changer = MediumChanger<Box<dyn Transport>>;

fn changer(toy: &Toy) -> Changer {
    MediumChanger::open(toy.transport(0)).unwrap()
}

fn toy() -> Toy {
    Toy::new(&SLOTS, 2)
}

fn barcodes(stock: &Stock) -> Vec<(Cell, String)> {
    let full = stock.places.iter().filter(|(_, content)| content.is_full());
    let name =
        |content: &Content| content.barcode.as_ref().map(ToString::to_string).unwrap_or_default();
    full.map(|(cell, content)| (*cell, name(content))).collect()
}

fn expected(barcodes: [&str; 3]) -> Vec<(Cell, String)> {
    let cells = [0, 1, 3].map(Cell::slot);
    cells.into_iter().zip(barcodes.map(str::to_owned)).collect()
}

#[test]
fn a_changer_says_who_it_is_and_what_it_has() {
    let mut changer = changer(&toy());
    assert_eq!(changer.identity().serial.as_deref(), Some("TOYLIB"));
    assert_eq!(changer.layout().slots, Run { first: 4096, count: 4 });
    let stock = changer.stock().unwrap();
    assert_eq!(barcodes(&stock), expected(["A00001L8", "A00002L8", "CLNU01L1"]));
    assert_eq!(stock.places.len(), 4 + 2 + 2 + 1);
    assert_eq!(stock.get(Cell::slot(3)).unwrap().medium, crate::changer::CartridgeKind::Cleaning);
    assert_eq!(stock.get(Cell::mail(0)).unwrap().way(), Some(crate::changer::Passage::Both));
}

#[test]
fn a_drive_is_not_taken_for_a_changer() {
    let error = MediumChanger::open(toy().transport(1)).err().unwrap();
    assert!(matches!(error, SmcError::NotAChanger { .. }), "{error}");
}

#[test]
fn every_whim_ends_in_the_same_inventory() {
    let none = Whims::default();
    let whims = [
        ("no memory", Whims { no_memory: true, ..none }),
        ("only all", Whims { only_all: true, ..none }),
        ("only by kind", Whims { only_by_kind: true, ..none }),
        ("header first", Whims { header_first: true, ..none }),
        (
            "header first, all",
            Whims { header_first: true, only_all: true, no_memory: true, ..none },
        ),
        ("no sources", Whims { no_sources: true, ..none }),
        ("no access bits", Whims { no_access_bits: true, ..none }),
        ("no arm", Whims { arm_is_not_told: true, ..none }),
        ("zeros", Whims { zeros_behind: true, ..none }),
        ("cut", Whims { last_is_cut: true, ..none }),
        ("one at a time", Whims { one_at_a_time: true, ..none }),
        ("one at a time, all", Whims { one_at_a_time: true, only_all: true, ..none }),
    ];
    for (name, whims) in whims {
        let mut changer = changer(&toy().with(|world| world.whims = whims));
        for _ in 0..2 {
            let stock = changer.stock().unwrap();
            assert_eq!(barcodes(&stock), expected(["A00001L8", "A00002L8", "CLNU01L1"]), "{name}");
            assert!(stock.remarks.is_empty(), "{name}");
        }
        changer.carry(Cell::slot(0), Cell::slot(2)).expect(name);
        changer.carry(Cell::slot(2), Cell::slot(0)).expect(name);
    }
}

#[test]
fn a_changer_without_a_barcode_reader_still_says_what_is_full() {
    let none = Whims::default();
    for whims in [
        Whims { no_barcodes: true, ..none },
        Whims { no_barcodes: true, only_all: true, ..none },
        Whims { barcodes_are_a_hardware_error: true, ..none },
    ] {
        let mut changer = changer(&toy().with(|world| world.whims = whims));
        let stock = changer.stock().unwrap();
        assert_eq!(barcodes(&stock), expected(["", "", ""]));
        assert!(stock.remarks[0].contains("no barcodes"), "{:?}", stock.remarks);
    }
}

#[test]
fn one_complaint_costs_no_barcodes() {
    let whole = expected(["A00001L8", "A00002L8", "CLNU01L1"]);
    for complaint in [(0xb, 0, 0), (0xb, 0x47, 0), (4, 0x44, 0), (2, 0x04, 0x03), (3, 0x11, 0)] {
        for good in 0..4 {
            let toy = toy();
            let mut changer = changer(&toy);
            // So many of the four kinds are told before.
            toy.world().refusals = vec![complaint];
            toy.world().good_before_refusals = good;
            assert_eq!(barcodes(&changer.stock().unwrap()), whole, "{complaint:x?} behind {good}");
            assert!(toy.world().refusals.is_empty());
            assert_eq!(changer.remarks(), Vec::<String>::new());
        }
    }
}

#[test]
fn barcodes_that_were_refused_twice_are_asked_for_again_and_that_is_told() {
    let toy = toy();
    let mut changer = changer(&toy);
    toy.world().refusals = vec![(4, 0x44, 0); 2];
    assert_eq!(barcodes(&changer.stock().unwrap()), expected(["", "", ""]));
    assert!(changer.remarks()[0].contains("tells no barcodes"));
    let whole = expected(["A00001L8", "A00002L8", "CLNU01L1"]);
    assert_eq!(barcodes(&changer.stock().unwrap()), whole, "it was over the next time");
    toy.world().whims.barcodes_are_a_hardware_error = true;
    for _ in 0..2 {
        changer.stock().unwrap();
    }
    toy.world().asked.clear();
    changer.stock().unwrap();
    let tags = toy
        .world()
        .asked
        .iter()
        .filter(|(opcode, kind)| *opcode == 0xb8 && kind & 0x10 != 0)
        .count();
    assert_eq!(tags, 0, "after two inventories it is believed");
    assert_eq!(changer.remarks(), Vec::<String>::new(), "told once");
}

#[test]
fn what_a_changer_wants_is_remembered() {
    let toy = toy().with(|world| world.whims.only_all = true);
    let mut changer = changer(&toy);
    changer.stock().unwrap();
    toy.world().asked.clear();
    changer.stock().unwrap();
    let asked = std::mem::take(&mut toy.world().asked);
    assert_eq!(asked, [(0x00, 0), (0xb8, 0x10)], "one question, and the right one");
}

#[test]
fn a_library_of_thousands_is_asked_in_pieces() {
    let many: Vec<String> = (0..2500).map(|n| format!("{n:06}L8")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let toy = Toy::new(&many, 1);
    let stock = changer(&toy).stock().unwrap();
    assert_eq!(barcodes(&stock).len(), 2500);
    // 52 bytes for each of at most 1000 places fit into 65 535.
    let questions = toy.world().asked.iter().filter(|asked| **asked == (0xb8, 0x12)).count();
    assert_eq!(questions, 3);
}

#[test]
fn a_changer_that_looks_around_is_waited_for_and_tells_how_far_it_is() {
    let toy = toy().with(|world| world.scanning = 300);
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let ears = std::sync::Arc::clone(&heard);
    let told = Box::new(move |busy: &Busy| {
        ears.lock().unwrap().push((busy.percent, busy.waited.as_secs()));
        Wait::GoOn
    });
    let mut changer = changer(&toy);
    changer.set_patience(Patience { told, ..Patience::default() });
    assert_eq!(barcodes(&changer.stock().unwrap()).len(), 3);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 150, "every two seconds");
    assert_eq!(heard.last(), Some(&(Some(50), 298)));
}

#[test]
fn patience_has_an_end() {
    let toy = toy().with(|world| world.scanning = 1_000_000);
    let error = changer(&toy).stock().unwrap_err();
    let SmcError::Command { cause: Failure::Tired { waited, .. }, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(waited.as_secs(), 3600);
    let mut changer = changer(&toy);
    changer.set_patience(Patience { told: Box::new(|_| Wait::GiveUp), ..Patience::default() });
    assert!(changer.stock().is_err());
}

#[test]
fn an_opened_door_begins_the_inventory_anew_and_is_told() {
    let toy = toy();
    let mut changer = changer(&toy);
    toy.world().attentions = vec![(0x28, 0x01), (0x29, 0x00)];
    changer.stock().unwrap();
    let events: Vec<u8> = changer.events().iter().map(|sense| sense.code.asc).collect();
    assert_eq!(events, [0x29, 0x28]);
    assert!(changer.events().is_empty(), "told once");
}

#[test]
fn a_device_that_is_reset_for_ever_is_given_up() {
    let toy = toy();
    let mut changer = changer(&toy);
    toy.world().attentions = vec![(0x29, 0x00); 100];
    assert!(changer.stock().is_err());
}

#[test]
fn a_move_is_judged_by_what_is_seen() {
    type Expected = fn(&Result<Arrival, SmcError>) -> bool;
    let table: [(Option<Fault>, Expected); 9] = [
        (None, |it| matches!(it, Ok(Arrival::Plain))),
        (Some(Fault::DoorOpened), |it| matches!(it, Ok(Arrival::Plain))),
        (Some(Fault::ComplainsAfterwards), |it| matches!(it, Ok(Arrival::Although(_)))),
        (Some(Fault::NoAnswer), |it| matches!(it, Ok(Arrival::Although(_)))),
        (Some(Fault::Lies), |it| matches!(it, Err(SmcError::Lied { .. }))),
        (Some(Fault::Fails), |it| matches!(it, Err(SmcError::NotMoved { .. }))),
        (Some(Fault::StaysInArm), |it| {
            matches!(it, Err(SmcError::Lost { in_arm: Some(true), cause: Some(_), .. }))
        }),
        (Some(Fault::TakenByHand), |it| {
            matches!(it, Err(SmcError::Lost { in_arm: Some(false), .. }))
        }),
        (Some(Fault::Exchanged), |it| matches!(it, Err(SmcError::Meddled { .. }))),
    ];
    for (fault, expected) in table {
        for threaded_looks_empty in [false, true] {
            let whims = Whims { threaded_looks_empty, ..Whims::default() };
            let toy = toy().with(|world| (world.fault, world.whims) = (fault, whims));
            let moved = changer(&toy).carry(Cell::slot(0), Cell::bay(1));
            assert!(expected(&moved), "{fault:?}: {moved:?}");
        }
    }
}

#[test]
fn errors_say_what_is_where() {
    let text = |fault| {
        let toy = toy().with(|world| world.fault = Some(fault));
        changer(&toy).carry(Cell::slot(0), Cell::bay(1)).unwrap_err().to_string()
    };
    assert_eq!(
        text(Fault::Lies),
        "the changer says that it carried the cartridge from slot 1 to bay 1, but it is still in slot 1 and bay 1 \
         is empty: look whether the arm or the cartridge is stuck"
    );
    assert_eq!(
        text(Fault::StaysInArm),
        "cartridge A00001L8 was carried from slot 1 to bay 1, and is at neither end now: the arm holds one. \
         Look into the library, and let it take inventory"
    );
    assert_eq!(
        text(Fault::Exchanged),
        "somebody else moves cartridges: when cartridge A00001L8 was carried from slot 1 to bay 1, cartridge \
         OTHER1L8 was found in slot 1 and nothing in bay 1. Take inventory again"
    );
}

#[test]
fn nothing_is_carried_from_an_empty_place_or_to_a_full_one() {
    let mut changer = changer(&toy());
    assert!(matches!(changer.carry(Cell::slot(2), Cell::bay(0)), Err(SmcError::Empty(_))));
    assert!(matches!(changer.carry(Cell::slot(0), Cell::slot(1)), Err(SmcError::Full { .. })));
    assert!(matches!(changer.carry(Cell::slot(9), Cell::bay(0)), Err(SmcError::NoSuchPlace(_))));
    assert!(matches!(changer.carry(Cell::slot(0), Cell::bay(9)), Err(SmcError::NoSuchPlace(_))));
}

#[test]
fn places_whose_magazine_or_drive_is_not_there_are_left_out() {
    let toy = toy().with(|world| {
        world.slots[1].exception = Some((0x83, 0x02));
        world.bays[1].exception = Some((0x83, 0x04));
        world.slots[0].exception = Some((0x83, 0x09));
    });
    let stock = changer(&toy).stock().unwrap();
    assert_eq!(stock.get(Cell::slot(1)), None);
    assert_eq!(stock.get(Cell::bay(1)), None);
    let absent: Vec<_> = stock.absent.iter().map(|(cell, code)| (*cell, *code)).collect();
    assert_eq!(absent, [(Cell::slot(1), (0x83, 0x02)), (Cell::bay(1), (0x83, 0x04))]);
    assert_eq!(stock.get(Cell::slot(0)).unwrap().exception, Some((0x83, 0x09)));
}

#[test]
fn a_drive_that_looks_empty_but_is_out_of_reach_may_be_full() {
    let toy = toy().with(|world| world.whims.threaded_looks_empty = true);
    let mut changer = changer(&toy);
    changer.carry(Cell::slot(0), Cell::bay(0)).unwrap();
    assert_eq!(changer.stock().unwrap().get(Cell::bay(0)).unwrap().fill, Fill::Hidden);
    assert!(matches!(changer.carry(Cell::slot(1), Cell::bay(0)), Err(SmcError::Full { .. })));
}

#[test]
fn bays_are_claimed_by_serial_number_or_by_nothing() {
    let mut plain = changer(&toy());
    let serial = |text: &str| Some(Name::Serial(text.to_owned()));
    let claims = [
        (Cell::bay(0), Element(256), serial("DRIVE0")),
        (Cell::bay(1), Element(257), serial("DRIVE1")),
    ];
    assert_eq!(plain.claims().unwrap(), claims);
    let mut silent = changer(&toy().with(|world| world.whims.no_serials = true));
    assert!(silent.claims().unwrap().iter().all(|(_, _, claim)| claim.is_none()));
}

proptest! {
    #[test]
    fn any_reply_is_read_without_harm(reply in prop::collection::vec(any::<u8>(), 0..2000)) {
        let layout = Layout {
            slots: Run { first: 0, count: 1000 },
            bays: Run { first: 65_000, count: 65_535 },
            ..Layout::default()
        };
        if let Ok(told) = reading::places(&reply, &layout) {
            prop_assert!(told.len() <= reply.len() / 4);
        }
        let _claims = reading::claims(&reply);
    }

    #[test]
    fn a_descriptor_of_any_length_and_tags_is_read_without_harm(
        kind in 0..6_u8,
        tags: u8,
        length in 0..200_u8,
        body in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut reply = vec![0; 8];
        reply.extend([kind, tags, 0, length, 0, 0, 3, 0]);
        reply.extend(body);
        let _places = reading::places(&reply, &Layout::default());
        let _claims = reading::claims(&reply);
    }

    #[test]
    fn a_survey_ends_whatever_is_answered(
        answers in prop::collection::vec(
            prop_oneof![
                prop::collection::vec((1..5_u8, any::<u16>()), 0..5).prop_map(Ok),
                (0..16_u8, any::<u8>(), any::<u8>()).prop_map(Err),
            ],
            1..40,
        ),
        first: u16,
        count: u16,
    ) {
        let run = Run { first, count };
        let layout = Layout { arms: run, slots: run, mail: run, bays: run };
        let mut survey = Survey::new(layout, Rung::default());
        let mut answers = answers.into_iter().cycle();
        let mut questions = 0_u32;
        while survey.next().is_some() {
            questions += 1;
            prop_assert!(questions < 600_000);
            match answers.next().unwrap() {
                Ok(told) => survey.heard(told.into_iter().map(|(kind, element)| Told {
                    kind: crate::scsi::cdb::smc::ElementKind::of(kind).unwrap(),
                    element: Element(element),
                    content: Ok(Content::default()),
                }).collect()),
                Err((key, asc, ascq)) => {
                    let complaint = Sense::of(Key::ALL[usize::from(key)], asc, ascq);
                    if survey.refused(complaint).is_err() {
                        break;
                    }
                }
            }
        }
    }
}
