//! What the catalogue says at each step of a dump's life.

use std::path::Path;

use types::{Bytes, FileNo, Level, ObjectNo};

use super::testing::{STORED, behind, day, dle, dump, id, label, part, policies, storage};
use super::{
    Ask, Catalogue, CatalogueError, CopyState, DumpStatus, Filter, GapReason, Lock, Message,
    RunStatus, Severity, Volume, VolumeEnd, VolumeState,
};
use crate::retention::Rule;

/// Two nights: a full on V1, and a level 1 on V2.
fn two_nights() -> Catalogue {
    let mut catalogue = Catalogue::in_memory().unwrap();
    catalogue.sync_dles(&[dle("/data")], day(0)).unwrap();
    catalogue.with_volume("V1", 0);
    catalogue.with_volume("V2", 0);
    catalogue.night(&dump(1, 0, None, 1), "V1", 1);
    catalogue.night(&dump(2, 1, Some(1), 2), "V2", 1);
    catalogue
}

fn sound(catalogue: &Catalogue) {
    assert_eq!(catalogue.check().unwrap(), []);
}

#[test]
fn a_dump_goes_from_holding_to_a_volume() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    catalogue.with_run(1);
    catalogue.with_volume("V1", 1);
    let full = dump(1, 0, None, 1);
    let message =
        Message { severity: Severity::Strange, path: b"a\xff".to_vec(), text: "it shrank".into() };
    catalogue
        .record_held(&full, std::slice::from_ref(&message), Path::new("/h/x"), Bytes(1300))
        .unwrap();
    assert_eq!(catalogue.messages(full.id).unwrap(), [message]);
    assert_eq!(catalogue.unplaced(&storage("lib")).unwrap().len(), 1);
    assert_eq!(catalogue.held().unwrap()[0].path, Path::new("/h/x"));

    let [one, two] = [1, 2].map(|no| part(&full, (no, 2), "V1", no));
    catalogue.record_placed(&one, behind(&one)).unwrap();
    let located = catalogue.dump(full.id).unwrap();
    assert_eq!(located.copies[0].state, CopyState::Partial);
    assert!(matches!(
        catalogue.complete_copy(full.id, &storage("lib"), day(1)),
        Err(CatalogueError::NotWhole { .. })
    ));
    assert!(catalogue.forget_held(full.id, &[storage("lib")]).is_err());

    catalogue.record_placed(&two, behind(&two)).unwrap();
    catalogue.complete_copy(full.id, &storage("lib"), day(1)).unwrap();
    assert_eq!(catalogue.parts(full.id, &storage("lib")).unwrap(), [one, two]);
    assert!(catalogue.forget_held(full.id, &[]).is_err());
    assert!(catalogue.forget_held(full.id, &[storage("lib"), storage("vault")]).is_err());
    let released = catalogue.forget_held(full.id, &[storage("lib")]).unwrap();
    assert_eq!(released.image().path, Path::new("/h/x"));
    assert!(catalogue.unplaced(&storage("lib")).unwrap().is_empty());

    let volume = catalogue.volume(&label("V1")).unwrap();
    assert_eq!(volume.state, VolumeState::Active);
    assert_eq!(volume.end, VolumeEnd { file: FileNo(3), object: Some(ObjectNo(30)) });
    assert_eq!((volume.first_written, volume.last_written), (Some(day(1)), Some(day(1))));
    sound(&catalogue);
}

#[test]
fn saying_twice_that_a_dump_is_held_is_no_harm_unless_it_is_another() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    catalogue.with_run(1);
    let full = dump(1, 0, None, 1);
    catalogue.hold(&full);
    catalogue.hold(&full);
    assert_eq!(catalogue.history(&full.dle).unwrap().len(), 1);
    let mut other = full.clone();
    other.level = Level::try_from(1).unwrap();
    let error = catalogue.record_held(&other, &[], Path::new("/h"), Bytes(1)).unwrap_err();
    assert!(matches!(error, CatalogueError::Contradiction(_, "level")), "{error}");
    let longer = super::Dump { stored: Bytes(9), ..full };
    assert!(catalogue.record_held(&longer, &[], Path::new("/h"), Bytes(1)).is_err());
    sound(&catalogue);
}

#[test]
fn a_dump_straight_to_a_volume_counts_only_when_it_is_whole() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    catalogue.with_run(1);
    catalogue.with_volume("V1", 1);
    let full = dump(1, 0, None, 1);
    catalogue.begin_direct(&full).unwrap();
    let whole = part(&full, (1, 1), "V1", 1);
    catalogue.record_placed(&whole, behind(&whole)).unwrap();
    assert!(catalogue.complete_copy(full.id, &storage("lib"), day(1)).is_err());
    let longer = super::Dump { stored: Bytes(STORED + 1), ..full.clone() };
    assert!(catalogue.finish_direct(&longer, &[], &storage("lib"), day(1)).is_err());
    assert!(!catalogue.dump(full.id).unwrap().dump.status.is_whole(), "it is nowhere whole yet");
    assert!(catalogue.newest_at(&full.dle, day(9)).unwrap().links.is_none());
    catalogue.finish_direct(&full, &[], &storage("lib"), day(1)).unwrap();
    assert!(catalogue.newest_at(&full.dle, day(9)).unwrap().links.is_some());
    assert_eq!(catalogue.history(&full.dle).unwrap().len(), 1);
    sound(&catalogue);
}

#[test]
fn parts_that_do_not_follow_each_other_are_no_copy() {
    let full = dump(1, 0, None, 1);
    let [one, two] = [1, 2].map(|no| part(&full, (no, 2), "V1", no));
    let gap = super::Part { offset: Bytes(601), ..two.clone() };
    let short = super::Part { bytes: Bytes(599), ..two.clone() };
    for parts in [vec![], vec![one.clone()], vec![two], vec![one.clone(), gap], vec![one, short]] {
        assert!(super::copies::add_up(&full, &parts).is_err(), "{parts:?}");
    }
}

#[test]
fn a_chain_names_every_link_and_every_gap() {
    let mut catalogue = two_nights();
    let links = catalogue.chain(id(2)).unwrap().whole().unwrap();
    assert_eq!(links.iter().map(|link| link.dump.id).collect::<Vec<_>>(), [id(1), id(2)]);
    catalogue.remove_volume(&label("V1"), day(3)).unwrap();
    let gap = catalogue.chain(id(2)).unwrap().whole().unwrap_err();
    assert_eq!(gap.reason, GapReason::Nowhere(id(1)));
    assert_eq!(catalogue.expired().unwrap(), [id(1)]);
    let at = catalogue.newest_at(&dle("/data"), day(9)).unwrap();
    assert_eq!((at.links, at.passed_over.len()), (None, 1));
    catalogue.with_run(4);
    catalogue.hold(&dump(3, 2, Some(99), 4));
    let gap = catalogue.chain(id(3)).unwrap().whole().unwrap_err();
    assert_eq!(gap.reason, GapReason::Unknown(id(99)));
    catalogue.hold(&dump(4, 2, Some(3), 4));
    let gap = catalogue.chain(id(4)).unwrap().whole().unwrap_err();
    assert_eq!(gap.reason, GapReason::NoBase(id(4)));
    sound(&catalogue);
}

#[test]
fn a_dump_that_was_compared_with_nothing_holds_all_whatever_its_level() {
    let mut catalogue = two_nights();
    catalogue.with_run(4);
    catalogue.hold(&dump(3, 1, None, 4));
    catalogue.hold(&dump(4, 2, Some(3), 4));
    let links = catalogue.chain(id(4)).unwrap().whole().unwrap();
    assert_eq!(links.iter().map(|link| link.dump.id).collect::<Vec<_>>(), [id(3), id(4)]);
    let both = [id(3), id(4)];
    assert_eq!(catalogue.restorable(both).unwrap(), both.into());
    sound(&catalogue);
}

#[test]
fn the_newest_state_of_a_day_is_of_that_day_or_before() {
    let catalogue = two_nights();
    let tip = |on| {
        let links = catalogue.newest_at(&dle("/data"), day(on)).unwrap().links;
        links.map(|links| links.last().unwrap().dump.id)
    };
    assert_eq!([tip(0), tip(1), tip(2), tip(9)], [None, Some(id(1)), Some(id(2)), Some(id(2))]);
}

#[test]
fn a_dump_builds_on_the_newest_of_a_lower_level() {
    let mut catalogue = two_nights();
    let base = |catalogue: &Catalogue, level: u16| {
        let level = Level::try_from(level).unwrap();
        catalogue.base_for(&dle("/data"), level).unwrap().map(|dump| dump.id)
    };
    assert_eq!(
        [0, 1, 2, 3].map(|l| base(&catalogue, l)),
        [None, Some(id(1)), Some(id(2)), Some(id(2))]
    );
    catalogue.remove_volume(&label("V2"), day(3)).unwrap();
    assert_eq!(base(&catalogue, 2), Some(id(1)), "a base that is gone is no base");
}

#[test]
fn a_needed_volume_is_not_given_away() {
    let mut catalogue = two_nights();
    let Err(CatalogueError::Needed(needed)) = catalogue.reusable(&label("V1"), &policies(), day(9))
    else {
        panic!("given away")
    };
    assert_eq!(needed.reasons[0].rule, Rule::LastResort);
    assert!(needed.to_string().contains("level 1 of host:/data from 2026-01-03"), "{needed}");
    assert_eq!(catalogue.parts_on(&label("V1")).unwrap().len(), 1);
    assert!(catalogue.reusable(&label("V9"), &policies(), day(9)).is_err());
}

#[test]
fn the_dumps_on_a_volume_are_counted_however_many_parts_they_have_there() {
    let mut catalogue = two_nights();
    let made = dump(3, 0, None, 3);
    catalogue.with_run(3);
    catalogue.hold(&made);
    for no in [1, 2] {
        let part = part(&made, (no, 2), "V2", 10 + no);
        catalogue.record_placed(&part, behind(&part)).unwrap();
    }
    let on = |name: &str| catalogue.dumps_on(&label(name)).unwrap();
    assert_eq!([on("V1"), on("V2"), on("V9")], [1, 2, 0]);
}

#[test]
fn a_reusable_volume_is_forgotten_before_it_is_overwritten() {
    let mut catalogue = two_nights();
    catalogue.with_volume("V3", 3);
    catalogue.night(&dump(3, 0, None, 3), "V3", 1);
    let leave = catalogue.reusable(&label("V1"), &policies(), day(9)).unwrap();
    assert_eq!(leave.label(), &label("V1"));
    assert!(catalogue.parts_on(&label("V1")).unwrap().is_empty());
    assert_eq!(catalogue.expired().unwrap(), [id(1)]);
    assert_eq!(catalogue.history(&dle("/data")).unwrap().len(), 3, "history stays");
    assert_eq!(catalogue.dumps(&Filter::default()).unwrap().len(), 2);
    let all = Filter { with_gone: true, ..Filter::default() };
    assert_eq!(catalogue.dumps(&all).unwrap().len(), 3);
    sound(&catalogue);

    let end = VolumeEnd { file: FileNo(1), object: Some(ObjectNo(1)) };
    let block = types::BlockSize::TAPE;
    catalogue.record_labelled(&label("V1"), Some(day(9)), block, end, day(9)).unwrap();
    let volume = catalogue.volume(&label("V1")).unwrap();
    assert_eq!((volume.labelled, volume.block_size, volume.end), (Some(day(9)), block, end));
    assert_eq!((volume.last_written, volume.bytes), (None, Bytes::ZERO));
}

#[test]
fn a_pin_keeps_a_volume_until_it_falls_off() {
    let mut catalogue = two_nights();
    catalogue.with_volume("V3", 3);
    catalogue.night(&dump(3, 0, None, 3), "V3", 1);
    let pin = catalogue.pin(id(2), "a restore reads it", Some(day(10))).unwrap();
    let reusable = |catalogue: &Catalogue, on| {
        let verdicts = catalogue.verdicts(&policies(), day(on)).unwrap();
        verdicts.reusable().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(reusable(&catalogue, 9).is_empty(), "the base of a pinned dump is needed too");
    assert_eq!(reusable(&catalogue, 10), ["V1", "V2"]);
    catalogue.unpin(pin).unwrap();
    assert_eq!(reusable(&catalogue, 9), ["V1", "V2"]);
}

#[test]
fn a_pin_goes_from_dump_to_dump_and_keeps_none_but_the_last() {
    let mut catalogue = two_nights();
    let pinned = |catalogue: &Catalogue| {
        catalogue.pins().unwrap().into_iter().map(|pin| pin.dump).collect::<Vec<_>>()
    };
    let first = catalogue.pin(id(2), "verify", None).unwrap();
    let second = catalogue.pin_instead(first, id(1), "verify", None).unwrap();
    assert_eq!(pinned(&catalogue), [id(1)]);
    let error = catalogue.pin_instead(second, id(9), "verify", None).unwrap_err();
    assert!(matches!(error, CatalogueError::NoSuchDump(_)), "{error}");
    assert!(pinned(&catalogue).is_empty(), "the former was read to its end");
}

#[test]
fn what_can_no_longer_be_restored_is_not_pinned() {
    let mut catalogue = two_nights();
    let refused = |catalogue: &mut Catalogue, dump| {
        let error = catalogue.pin(dump, "a restore", None).unwrap_err();
        assert!(matches!(error, CatalogueError::Gap(_)), "{error}");
        assert!(catalogue.pins().unwrap().is_empty());
        error.to_string()
    };
    catalogue.remove_volume(&label("V1"), day(3)).unwrap();
    let told = refused(&mut catalogue, id(2));
    let nowhere = "is neither on the holding disk nor wholly on volumes any more";
    assert_eq!(
        told,
        format!(
            "level 1 of host:/data, run {}, can't be restored: dump {} {nowhere}",
            day(2),
            id(1)
        )
    );
    assert!(refused(&mut catalogue, id(1)).contains(nowhere));
    catalogue.with_run(3);
    catalogue.hold(&dump(3, 2, Some(8), 3));
    let told = refused(&mut catalogue, id(3));
    assert!(told.contains(&format!("builds on dump {}, which the catalogue", id(8))), "{told}");
    catalogue.record_failed(&dump(4, 0, None, 3), &[]).unwrap();
    assert!(refused(&mut catalogue, id(4)).contains("is failed"));
}

#[test]
fn what_an_unfinished_run_wrote_is_needed() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    catalogue.with_volume("V1", 0);
    catalogue.with_run(1);
    catalogue
        .record_end(&label("V1"), day(1), VolumeEnd { file: FileNo(2), object: None })
        .unwrap();
    let error = catalogue.reusable(&label("V1"), &policies(), day(9)).unwrap_err();
    assert!(error.to_string().contains("has not finished"), "{error}");
    assert_eq!(catalogue.unfinished_runs().unwrap().len(), 1);
    catalogue.finish_run(day(1), day(9), RunStatus::Interrupted).unwrap();
    assert!(catalogue.reusable(&label("V1"), &policies(), day(9)).is_ok());
}

#[test]
fn writing_over_parts_forgets_them() {
    let mut catalogue = two_nights();
    catalogue.with_run(3);
    let third = dump(3, 0, None, 3);
    catalogue.hold(&third);
    catalogue.place(&third, "V1", 1);
    let old = catalogue.dump(id(1)).unwrap();
    assert!(old.copies.is_empty() && old.expired.is_some());
    let events = catalogue.events(Some(day(3)), 9).unwrap();
    assert!(events.iter().any(|event| event.text.contains("1 parts are gone")), "{events:?}");
    sound(&catalogue);
}

#[test]
fn an_interrupted_copy_goes_on_or_starts_again() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    catalogue.with_run(1);
    catalogue.with_volume("V1", 1);
    let full = dump(1, 0, None, 1);
    catalogue.hold(&full);
    let [one, two] = [1, 2].map(|no| part(&full, (no, 2), "V1", no));
    catalogue.record_placed(&one, behind(&one)).unwrap();
    assert_eq!(catalogue.parts(full.id, &storage("lib")).unwrap().len(), 1);
    catalogue.record_placed(&two, behind(&two)).unwrap();
    catalogue.restart_copy(full.id, &storage("lib")).unwrap();
    assert!(catalogue.parts(full.id, &storage("lib")).unwrap().is_empty());
    assert!(catalogue.dump(full.id).unwrap().is_restorable(), "it is still held");
    catalogue.place(&full, "V1", 3);
    assert!(catalogue.restart_copy(full.id, &storage("lib")).is_err());
    assert!(catalogue.record_placed(&one, behind(&one)).is_err(), "a complete copy is complete");
    sound(&catalogue);
}

#[test]
fn giving_up_the_only_image_expires_the_dump() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    catalogue.with_run(1);
    let full = dump(1, 0, None, 1);
    catalogue.hold(&full);
    drop(catalogue.discard_held(full.id, day(2), "its disk died").unwrap());
    assert_eq!(catalogue.expired().unwrap(), [full.id]);
    assert!(catalogue.discard_held(full.id, day(2), "again").is_err());
    catalogue.hold(&full);
    assert!(catalogue.expired().unwrap().is_empty(), "found again");
}

#[test]
fn the_planner_sees_levels_runs_and_requests() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    let list = [dle("/data"), dle("/new")];
    catalogue.sync_dles(&list, day(0)).unwrap();
    for (n, level, base, on) in [
        (1, 0, None, 1),
        (2, 1, Some(1), 2),
        (3, 2, Some(2), 3),
        (4, 1, Some(1), 4),
        (5, 1, Some(1), 5),
    ] {
        catalogue.with_run(on);
        catalogue.hold(&dump(n, level, base, on));
    }
    catalogue.with_run(6);
    catalogue.record_failed(&dump(6, 1, Some(1), 6), &[]).unwrap();
    catalogue.request(&dle("/data"), Ask::Full, day(6)).unwrap();
    catalogue.request(&dle("/data"), Ask::LevelOne, day(6)).unwrap();
    catalogue.request(&dle("/data"), Ask::NoBump, day(6)).unwrap();
    let facts = catalogue.planner_facts().unwrap();
    assert_eq!(facts[&dle("/new")], super::DleFacts::default());
    let data = &facts[&dle("/data")];
    assert_eq!(data.history.len(), 5, "a failed dump is no history");
    assert_eq!(data.last_level().map(Level::number), Some(1));
    assert_eq!(data.consecutive_runs(), 2);
    assert_eq!(data.last_full().unwrap().dump, id(1));
    let last: Vec<_> = data.last_of_each_level().values().map(|row| row.dump).collect();
    assert_eq!(last, [id(1), id(5)], "level 2 is void since the level 1 after it");
    assert_eq!(data.requests.iter().copied().collect::<Vec<_>>(), [Ask::LevelOne, Ask::NoBump]);
    catalogue.unrequest(&dle("/data"), Ask::NoBump, day(7)).unwrap();
    assert_eq!(catalogue.requests().unwrap().len(), 1);

    catalogue.sync_dles(&[dle("/new")], day(8)).unwrap();
    assert_eq!(catalogue.planner_facts().unwrap().len(), 1);
    assert_eq!(catalogue.dles().unwrap()[0].gone, Some(day(8)));
}

#[test]
fn what_was_met_in_a_slot_takes_it_from_what_was_thought_to_be_there() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    for name in ["V1", "V2"] {
        catalogue.with_volume(name, 1);
    }
    let slot = |catalogue: &Catalogue, name| catalogue.volume(&label(name)).unwrap().slot;
    let (one, two) = (types::Slot(1), types::Slot(2));
    catalogue.record_seen(&label("V1"), Some(one), None).unwrap();
    catalogue.record_seen(&label("V2"), Some(two), None).unwrap();
    let lib = catalogue.volume(&label("V1")).unwrap().storage;
    catalogue.record_met(&lib, one, None, Some(&label("V2"))).unwrap();
    assert_eq!((slot(&catalogue, "V1"), slot(&catalogue, "V2")), (None, Some(one)));
    catalogue.record_met(&lib, one, None, Some(&label("STRANGER"))).unwrap();
    assert_eq!(slot(&catalogue, "V2"), None);
    catalogue.record_met(&lib, two, None, Some(&label("V2"))).unwrap();
    catalogue.record_met(&lib, two, None, None).unwrap();
    assert_eq!(slot(&catalogue, "V2"), None);
}

#[test]
fn history_is_kept_for_long_but_not_for_ever() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    for n in 0..230 {
        catalogue.with_run(n);
        catalogue.hold(&dump(u64::from(n), 0, None, n));
    }
    let history = catalogue.history(&dle("/data")).unwrap();
    assert_eq!(history.len(), 200);
    assert_eq!((history[0].dump, history[199].dump), (id(229), id(30)));
}

#[test]
fn volumes_are_where_they_were_seen_last() {
    let mut catalogue = two_nights();
    let slot = types::Slot(4);
    let barcode = "AB1234L8".parse().unwrap();
    catalogue.record_seen(&label("V1"), Some(slot), Some(&barcode)).unwrap();
    catalogue.record_seen(&label("V2"), Some(slot), None).unwrap();
    let [one, two] = ["V1", "V2"].map(|text| catalogue.volume(&label(text)).unwrap());
    assert_eq!((one.slot, one.barcode), (None, Some(barcode)));
    assert_eq!((two.slot, two.barcode), (Some(slot), None));
    catalogue.set_lock(&label("V1"), Lock::Until(day(40)), &Default::default(), day(3)).unwrap();
    catalogue.set_state(&label("V2"), VolumeState::Missing, day(3)).unwrap();
    assert_eq!(catalogue.volume(&label("V1")).unwrap().lock, Lock::Until(day(40)));
    catalogue.record_seen(&label("V2"), Some(slot), None).unwrap();
    assert_eq!(catalogue.volume(&label("V2")).unwrap().state, VolumeState::Full);
    sound(&catalogue);
}

#[test]
fn a_label_is_taken_once_it_is_written() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    let (pool, block) = ("daily".parse().unwrap(), types::BlockSize::HEADER);
    let volume = Volume::new(label("V1"), pool, storage("lib"), block);
    catalogue.choose_label(&volume).unwrap();
    catalogue.choose_label(&volume).unwrap();
    catalogue.record_labelled(&volume.label, None, block, volume.end, day(1)).unwrap();
    assert!(matches!(catalogue.choose_label(&volume), Err(CatalogueError::LabelTaken(_))));
    assert!(matches!(catalogue.adopt_volume(&volume, day(1)), Err(CatalogueError::LabelTaken(_))));
    assert!(catalogue.remove_volume(&volume.label, day(2)).unwrap().is_empty());
    catalogue.adopt_volume(&volume, day(2)).unwrap();
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let mut catalogue = Catalogue::in_memory().unwrap();
    assert!(matches!(catalogue.dump(id(1)), Err(CatalogueError::NoSuchDump(_))));
    assert!(matches!(catalogue.chain(id(1)), Err(CatalogueError::NoSuchDump(_))));
    assert!(matches!(catalogue.volume(&label("V")), Err(CatalogueError::NoSuchVolume(_))));
    assert!(matches!(catalogue.run(day(1)), Err(CatalogueError::NoSuchRun(_))));
    assert!(catalogue.finish_run(day(1), day(1), RunStatus::Good).is_err());
    assert!(catalogue.pin(id(1), "x", None).is_err());
    catalogue.with_run(1);
    catalogue.hold(&dump(1, 0, None, 1));
    let lost = part(&dump(1, 0, None, 1), (1, 1), "V", 1);
    let error = catalogue.record_placed(&lost, behind(&lost)).unwrap_err();
    assert!(matches!(error, CatalogueError::NoSuchVolume(_)), "{error}");
    assert!(catalogue.dump(id(1)).unwrap().copies.is_empty(), "nothing is half done");
}

#[test]
fn lists_can_be_narrowed() {
    let mut catalogue = two_nights();
    catalogue.with_run(3);
    let failed = dump(3, 1, Some(1), 3);
    catalogue.record_failed(&failed, &[]).unwrap();
    let count = |filter: Filter| catalogue.dumps(&filter).unwrap().len();
    let all = Filter::default();
    assert_eq!(count(all.clone()), 2);
    assert_eq!(count(Filter { with_gone: true, ..all.clone() }), 3);
    assert_eq!(count(Filter { run: Some(day(1)), ..all.clone() }), 1);
    assert_eq!(count(Filter { until: Some(day(1)), ..all.clone() }), 1);
    assert_eq!(count(Filter { limit: 1, ..all.clone() }), 1);
    assert_eq!(count(Filter { host: Some("other".parse().unwrap()), ..all }), 0);
    assert_eq!(catalogue.dump(id(3)).unwrap().dump.status, DumpStatus::Failed);
    assert_eq!(catalogue.parts_of_run(day(1)).unwrap().len(), 1);
    assert_eq!(catalogue.newest_stamp().unwrap(), Some(day(3)));
}

#[test]
fn a_check_finds_what_should_not_be() {
    let mut catalogue = two_nights();
    let spoil = |sql: &str| catalogue.connection.execute_batch(sql).unwrap();
    spoil("UPDATE parts SET bytes = bytes - 1 WHERE label = 'V1'");
    spoil("UPDATE dumps SET expired = '20260109120000' WHERE level = 1");
    spoil("UPDATE volumes SET next_file = 1, slot = 3");
    let findings = catalogue.check().unwrap();
    let text = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for words in [
        "said to be complete, but its parts hold 1199 of 1200 bytes",
        "said to have expired, but is there",
        "V1 ends before file 1, but part 1",
        "V2 ends before file 1, but part 1",
        "slot 3 is said to hold V1 and another volume",
    ] {
        assert!(text.contains(words), "{words}\n\n{text}");
    }
    catalogue.remove_volume(&label("V2"), day(9)).unwrap();
}

#[test]
fn a_damaged_row_is_an_error_and_not_a_wrong_value() {
    let catalogue = two_nights();
    catalogue.connection.execute_batch("UPDATE dumps SET status = 'splendid'").unwrap();
    let error = catalogue.dump(id(1)).unwrap_err();
    assert!(matches!(error, CatalogueError::Database { action: "look up a dump", .. }), "{error}");
}
