//! Which slots a scan proposes, and what it says of the others.

use super::*;
use crate::catalogue::Lock;
use crate::retention::{self, Facts, Policies, Policy, VolumeFact};
use types::BlockSize;

const NOW: &str = "20261123003000";

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn stamp(text: &str) -> Stamp {
    text.parse().unwrap()
}

/// A volume of the pool, written last on that day of November 2026, or never.
fn volume(name: &str, day: Option<u32>) -> Volume {
    let block = BlockSize::HEADER;
    let (pool, storage) = ("daily".parse().unwrap(), "lib".parse().unwrap());
    let mut volume = Volume::new(label(name), pool, storage, block);
    volume.state = if day.is_some() { VolumeState::Full } else { VolumeState::Labelled };
    volume.last_written = day.map(|day| stamp(&format!("202611{day:02}010000")));
    volume.first_written = volume.last_written;
    volume
}

fn locked(name: &str, day: u32) -> Volume {
    Volume { lock: Lock::NoReuse, ..volume(name, Some(day)) }
}

fn slot(number: u32, hint: Hint) -> SlotView {
    SlotView { slot: Slot(number), barcode: None, hint }
}

fn holds(number: u32, name: &str) -> SlotView {
    slot(number, Hint::Label(label(name)))
}

fn situation(method: Method, volumes: Vec<Volume>, slots: Vec<SlotView>) -> Situation {
    let facts = Facts {
        volumes: volumes
            .iter()
            .map(|v| VolumeFact {
                label: v.label.clone(),
                storage: v.storage.clone(),
                state: v.state,
                lock: v.lock,
                locked: v.locked.to_string(),
                medium: v.medium,
                labelled: v.labelled,
                written: v.last_written,
            })
            .collect(),
        ..Facts::default()
    };
    let policies = Policies::from([("lib".parse().unwrap(), Policy::default())]);
    Situation {
        method,
        append: Append::Never,
        slots,
        current: None,
        verdicts: retention::decide(&facts, &policies, stamp(NOW)).into(),
        volumes,
        pool: "daily".parse().unwrap(),
        labels: LabelRule::Template("V%%".parse().unwrap()),
        autolabel: Some(Autolabel {
            template: "V%%".parse().unwrap(),
            empty: true,
            volume_error: false,
            non_amanda: false,
            other_config: false,
        }),
        names: Names::default(),
        run: stamp(NOW),
    }
}

fn order(situation: Situation) -> Vec<u32> {
    Scan::new(situation).map(|candidate| candidate.slot.0).collect()
}

#[test]
fn traditional_takes_the_oldest_reusable_and_then_goes_round_from_the_current_slot() {
    let volumes = vec![volume("V01", Some(3)), volume("V02", Some(1)), locked("V03", 2)];
    let slots = vec![
        holds(1, "V01"),
        holds(2, "V02"),
        holds(3, "V03"),
        slot(4, Hint::Unknown),
        slot(5, Hint::Empty),
    ];
    let mut situation = situation(Method::Traditional, volumes, slots);
    assert_eq!(order(situation.clone()), [2, 1, 4]);
    situation.current = Some(Slot(4));
    assert_eq!(order(situation), [2, 4, 1]);
}

#[test]
fn traditional_passes_over_new_volumes_while_an_old_one_can_be_reused() {
    let volumes = vec![volume("V01", None), volume("V02", Some(1))];
    let slots = vec![holds(1, "V01"), holds(2, "V02")];
    assert_eq!(order(situation(Method::Traditional, volumes, slots)), [2, 1]);
}

#[test]
fn oldest_takes_new_volumes_first() {
    let volumes = vec![volume("V01", Some(9)), volume("V02", Some(8)), volume("V03", None)];
    let slots = vec![
        slot(1, Hint::Unknown),
        holds(2, "V01"),
        slot(3, Hint::Seen(Found::Blank)),
        holds(4, "V03"),
        holds(5, "V02"),
    ];
    assert_eq!(order(situation(Method::Oldest, volumes, slots)), [4, 3, 5, 2, 1]);
}

#[test]
fn lexical_goes_on_behind_the_label_written_last() {
    let volumes = vec![
        volume("V01", Some(4)),
        volume("V02", Some(9)),
        volume("V03", Some(2)),
        volume("V05", None),
    ];
    let slots = vec![
        holds(1, "V01"),
        holds(2, "V02"),
        holds(3, "V03"),
        slot(4, Hint::Seen(Found::Blank)), // would be V04
        holds(5, "V05"),
    ];
    assert_eq!(order(situation(Method::Lexical, volumes, slots)), [3, 4, 5, 1, 2]);
}

#[test]
fn appending_comes_first_when_it_is_allowed() {
    let open = Volume { state: VolumeState::Active, ..volume("V02", Some(9)) };
    let older = Volume { state: VolumeState::Active, ..volume("V03", Some(8)) };
    let volumes = vec![volume("V01", Some(1)), older, open];
    let slots = vec![holds(1, "V01"), holds(2, "V02"), holds(3, "V03")];
    let mut situation = situation(Method::Traditional, volumes, slots);
    situation.append = Append::Allowed;
    assert_eq!(order(situation.clone()), [2, 3, 1]);
    let mut scan = Scan::new(situation);
    let found = Found::Labelled { label: label("V02"), stamp: None };
    assert_eq!(scan.met(Slot(2), found, None), Ok(Choice::Append(label("V02"))));
}

#[test]
fn a_medium_that_can_be_written_only_once_is_begun_behind_its_label_and_never_afresh() {
    let once = |name, day| Volume { medium: Medium::WriteOnce, ..volume(name, day) };
    let new = Volume { state: VolumeState::Labelled, ..once("NEW", None) };
    for (candidate, expected) in [
        (new.clone(), Ok(Choice::Append(label("NEW")))),
        (Volume { lock: Lock::NoReuse, ..new.clone() }, Err("NEW")),
        (once("OLD", Some(1)), Err("can be written only once (WORM)")),
    ] {
        let name = candidate.label.to_string();
        let situation = situation(Method::Traditional, vec![candidate], vec![holds(1, &name)]);
        let mut scan = Scan::new(situation);
        let found = Found::Labelled { label: label(&name), stamp: None };
        match (scan.met(Slot(1), found, None), expected) {
            (Ok(choice), Ok(expected)) => assert_eq!(choice, expected),
            (Err(refusal), Err(part)) => assert!(refusal.why.contains(part), "{refusal}"),
            (met, expected) => panic!("{met:?}, and not {expected:?}"),
        }
    }
}

#[test]
fn what_is_met_counts_and_not_what_was_expected() {
    let volumes = vec![volume("V01", Some(1)), locked("V02", 2)];
    let mut scan = Scan::new(situation(Method::Traditional, volumes, vec![holds(1, "V01")]));
    assert_eq!(scan.next().map(|candidate| candidate.slot), Some(Slot(1)));
    // The sticker lied.
    let found = Found::Labelled { label: label("V02"), stamp: None };
    let refusal = scan.met(Slot(1), found, None).unwrap_err();
    assert!(refusal.why.contains("no-reuse"), "{refusal}");
    assert_eq!(scan.next(), None);
}

#[test]
fn where_a_needed_volume_should_be_nothing_is_taken_for_new_by_itself() {
    let serial = |volume: Volume| Volume { serial: Some("S1".to_owned()), ..volume };
    let retired = Volume { state: VolumeState::Retired, ..volume("V01", Some(1)) };
    let missing = Volume { state: VolumeState::Missing, ..locked("V01", 1) };
    let cases = [
        (locked("V01", 1), None, Some("V01 is needed")),
        (locked("V01", 1), Some("S2"), Some("V01 is needed")),
        (serial(locked("V01", 1)), None, Some("V01 is needed")),
        (serial(locked("V01", 1)), Some("S1"), Some("V01 is needed")),
        (serial(locked("V01", 1)), Some("S2"), None), // another cartridge
        (volume("V01", Some(1)), None, None),         // nothing on it is needed
        (retired, None, None),                        // it is retired, and that is all
        (missing, None, None),                        // nobody expects it there
    ];
    for (volume, serial, refused) in cases {
        let shown = format!("{volume:?} {serial:?}");
        let mut situation = situation(Method::Traditional, vec![volume], vec![holds(1, "V01")]);
        let autolabel = situation.autolabel.as_mut().unwrap();
        (autolabel.non_amanda, autolabel.volume_error) = (true, true);
        for found in [Found::Blank, Found::Foreign("tar".into()), Found::Unreadable("bad".into())] {
            match (Scan::new(situation.clone()).met(Slot(1), found, serial), refused) {
                (Ok(Choice::Fresh(_)), None) => {}
                (Err(refusal), Some(why)) => {
                    assert!(refusal.why.contains(why), "{refusal}");
                    assert!(refusal.why.contains("label --slot 1 --force"), "{refusal}");
                }
                (met, _) => panic!("{met:?}: {shown}"),
            }
        }
    }
}

#[test]
fn a_volume_whose_lock_has_ended_is_written_on() {
    let ended = Lock::Until(stamp("20261101000000"));
    let open = Volume { state: VolumeState::Active, lock: ended, ..volume("V01", Some(9)) };
    let mut situation = situation(Method::Traditional, vec![open], vec![holds(1, "V01")]);
    situation.append = Append::Allowed;
    let found = Found::Labelled { label: label("V01"), stamp: None };
    let met = Scan::new(situation).met(Slot(1), found, None);
    assert_eq!(met, Ok(Choice::Append(label("V01"))));
}

#[test]
fn a_label_of_ours_that_the_catalogue_does_not_know_is_never_overwritten() {
    let slots = vec![slot(1, Hint::Unknown)];
    let mut situation = situation(Method::Traditional, vec![], slots);
    let autolabel = situation.autolabel.as_mut().unwrap();
    (autolabel.other_config, autolabel.non_amanda, autolabel.volume_error) = (true, true, true);
    let mut scan = Scan::new(situation);
    let found = |text: &str| Found::Labelled { label: label(text), stamp: None };
    assert!(scan.met(Slot(1), found("V07"), None).unwrap_err().why.contains("does not know it"));
    let Ok(Choice::Fresh(fresh)) = scan.met(Slot(1), found("OTHER"), None) else {
        panic!("refused")
    };
    assert_eq!(fresh.label(), &label("V01"));
}

#[test]
fn a_volume_of_another_pool_is_left_alone() {
    let other = Volume { pool: "archive".parse().unwrap(), ..volume("V01", Some(1)) };
    let mut scan = Scan::new(situation(Method::Oldest, vec![other], vec![holds(1, "V01")]));
    assert_eq!(scan.next(), None);
    assert!(scan.refusals()[0].why.contains("pool archive"));
}

#[test]
fn a_volume_that_is_noted_as_off_site_is_neither_proposed_nor_written() {
    let place = || crate::catalogue::OffSite { place: "the bank".to_owned(), since: stamp(NOW) };
    let away = Volume { off_site: Some(place()), ..volume("V01", Some(1)) };
    let open =
        Volume { off_site: Some(place()), state: VolumeState::Active, ..volume("V02", Some(9)) };
    for method in [Method::Traditional, Method::Oldest, Method::Lexical] {
        let slots = vec![holds(1, "V01"), holds(2, "V02")];
        let mut situation = situation(method, vec![away.clone(), open.clone()], slots);
        situation.append = Append::Allowed;
        let mut scan = Scan::new(situation);
        assert_eq!(scan.next(), None);
        for (slot, name) in [(1, "V01"), (2, "V02")] {
            let found = Found::Labelled { label: label(name), stamp: None };
            let refusal = scan.met(Slot(slot), found, None).unwrap_err();
            assert!(refusal.why.contains("off-site (the bank)"), "{refusal}");
        }
    }
}

#[test]
fn a_run_does_not_begin_a_volume_twice() {
    let this_run = Volume { last_written: Some(stamp(NOW)), ..volume("V01", Some(1)) };
    let mut scan = Scan::new(situation(Method::Oldest, vec![this_run], vec![holds(1, "V01")]));
    assert_eq!(scan.next(), None);
    assert!(scan.refusals()[0].why.contains("in this run already"));
}

#[test]
fn a_chosen_label_that_was_never_written_goes_to_the_next_medium() {
    let chosen = Volume { state: VolumeState::Chosen, ..volume("V01", None) };
    let slots = vec![slot(1, Hint::Unknown)];
    let mut scan = Scan::new(situation(Method::Traditional, vec![chosen], slots));
    let Ok(Choice::Fresh(fresh)) = scan.met(Slot(1), Found::Blank, None) else { panic!("refused") };
    assert_eq!(fresh.label(), &label("V01"));
    // And if it had been written after all, that is as good.
    let found = Found::Labelled { label: label("V01"), stamp: None };
    assert_eq!(scan.met(Slot(1), found, None), Ok(Choice::Reuse(label("V01"))));
}

#[test]
fn each_slot_is_tried_once_and_every_choice_and_refusal_says_why() {
    let volumes = vec![volume("V01", Some(1)), locked("V02", 2)];
    let slots = vec![
        holds(1, "V01"),
        holds(2, "V02"),
        slot(3, Hint::Empty),
        slot(4, Hint::Busy("a restore".into())),
        slot(5, Hint::Unknown),
    ];
    let mut scan = Scan::new(situation(Method::Traditional, volumes, slots));
    let mut told = Vec::new();
    while let Some(candidate) = scan.next() {
        told.push(format!("slot {}: tried: {}", candidate.slot, candidate.why));
        scan.rejected(&candidate, "the drive is broken");
    }
    let refused = scan.refusals().iter();
    told.extend(refused.map(|it| format!("slot {}: not taken: {}", it.slot, it.why)));
    let told = told.join("\n");
    for words in [
        "slot 1: tried: V01 is reusable, and was written last on 2026-11-01",
        "slot 1: not taken: the drive is broken",
        "slot 2: not taken: volume V02 is needed: it is marked no-reuse",
        "slot 3: not taken: it is empty",
        "slot 4: not taken: it is in use: a restore",
        "slot 5: tried: nobody knows yet what is in it",
    ] {
        assert!(told.contains(words), "{words}\n\n{told}");
    }
    assert_eq!(scan.refusals().len(), 5);
}

#[test]
fn without_autolabel_nothing_is_labelled() {
    let slots = vec![slot(1, Hint::Seen(Found::Blank)), slot(2, Hint::Unknown)];
    let mut situation = situation(Method::Oldest, vec![], slots);
    situation.autolabel = None;
    let mut scan = Scan::new(situation);
    assert_eq!(scan.next().map(|candidate| candidate.slot), Some(Slot(2)));
    assert!(scan.met(Slot(2), Found::Blank, None).is_err());
    assert_eq!(scan.next(), None);
}

#[test]
fn a_template_that_makes_foreign_labels_is_caught() {
    let mut situation = situation(Method::Oldest, vec![], vec![slot(1, Hint::Unknown)]);
    situation.labels = LabelRule::Template("W%%".parse().unwrap());
    let refusal = Scan::new(situation).met(Slot(1), Found::Blank, None).unwrap_err();
    assert!(refusal.why.contains("labelstr"), "{refusal}");
}

/// What really lies in a slot, whatever the inventory believes.
#[derive(Clone, Debug)]
struct Truth {
    view: SlotView,
    found: Found,
}

mod whatever_lies_in_the_slots {
    use super::*;
    use crate::catalogue::OffSite;
    use crate::label::Autolabel;
    use crate::retention::{Needed, Reason, Rule};
    use proptest::prelude::*;

    fn needed(label: &Label) -> Verdict {
        let reason = Reason { rule: Rule::Days, why: "of the test".to_owned(), until: None };
        Verdict::Needed(Needed { label: label.clone(), reasons: vec![reason], count: 1 })
    }

    /// Volumes V00 to V11 in any state, and which of them a restore wants.
    fn any_volumes() -> impl Strategy<Value = (Vec<Volume>, BTreeSet<Label>)> {
        let one = (0..24u32, 0..12u32, any::<bool>());
        prop::collection::vec(one, 12).prop_map(|all| {
            let mut wanted = BTreeSet::new();
            let volumes = all.into_iter().enumerate().filter_map(|(n, (day, oddity, kept))| {
                let mut volume = volume(&format!("V{n:02}"), (day > 0).then_some(day));
                match oddity {
                    0 => return None, // The catalogue has lost it.
                    1 => volume.pool = "archive".parse().unwrap(),
                    2 => volume.state = VolumeState::Active,
                    3 => volume.last_written = Some(stamp(NOW)),
                    4 => {
                        let place = "the bank".to_owned();
                        volume.off_site = Some(OffSite { place, since: stamp(NOW) });
                    }
                    5 => volume.state = VolumeState::Chosen,
                    6 => (volume.state, volume.lock) = (VolumeState::Active, Lock::NoReuse),
                    _ => {}
                }
                if kept || volume.lock != Lock::Open {
                    wanted.insert(volume.label.clone());
                }
                Some(volume)
            });
            (volumes.collect(), wanted)
        })
    }

    fn any_found() -> impl Strategy<Value = Found> {
        prop_oneof![
            8 => (0..14u32).prop_map(|n| Found::Labelled { label: label(&format!("V{n:02}")), stamp: None }),
            1 => Just(Found::Labelled { label: label("MONTHLY-3"), stamp: None }),
            1 => Just(Found::Blank),
            1 => Just(Found::Foreign("a tar archive".to_owned())),
            1 => Just(Found::Unreadable("of the test".to_owned())),
        ]
    }

    /// Slots whose inventory is right, knows nothing, or is wrong.
    fn any_slots() -> impl Strategy<Value = Vec<Truth>> {
        let slot = (any_found(), 0..6u32, 0..14u32);
        prop::collection::vec(slot, 1..12).prop_map(|all| {
            let truth = |(n, (found, how, other)): (usize, (Found, u32, u32))| {
                let hint = match (how, &found) {
                    (0, _) => Hint::Unknown,
                    (1, _) => Hint::Label(label(&format!("V{other:02}"))),
                    (2, _) => Hint::Seen(Found::Blank),
                    (_, Found::Labelled { label, .. }) => Hint::Label(label.clone()),
                    (_, seen) => Hint::Seen(seen.clone()),
                };
                Truth { view: slot_view(n, hint), found }
            };
            all.into_iter().enumerate().map(truth).collect()
        })
    }

    fn slot_view(n: usize, hint: Hint) -> SlotView {
        slot(u32::try_from(n + 1).unwrap(), hint)
    }

    proptest! {
        /// Amanda's lexical and oldest scans chose volumes that were still active (zmanda/amanda #160).
        #[test]
        fn no_scan_ever_begins_a_needed_volume_afresh(
            (volumes, wanted) in any_volumes(),
            truths in any_slots(),
            method in prop_oneof![Just(Method::Traditional), Just(Method::Oldest), Just(Method::Lexical)],
            append in any::<bool>(),
            (other_config, non_amanda, volume_error) in any::<(bool, bool, bool)>(),
            current in 0..14u32,
        ) {
            let views = truths.iter().map(|truth| truth.view.clone()).collect();
            let mut situation = situation(method, volumes.clone(), views);
            situation.append = if append { Append::Allowed } else { Append::Never };
            situation.current = Some(Slot(current));
            situation.autolabel = situation.autolabel.map(|autolabel| {
                Autolabel { other_config, non_amanda, volume_error, ..autolabel }
            });
            let wants = wanted.clone();
            situation.verdicts = Advice::OnDemand(std::sync::Arc::new(move |label: &Label| {
                if wants.contains(label) { needed(label) } else { Verdict::Reusable }
            }));
            let known = |label: &Label| volumes.iter().find(|volume| volume.label == *label);
            let mut scan = Scan::new(situation);
            let mut tried = BTreeSet::new();
            while let Some(candidate) = scan.next() {
                prop_assert!(tried.insert(candidate.slot), "slot {} twice", candidate.slot);
                let truth = truths.iter().find(|truth| truth.view.slot == candidate.slot).unwrap();
                match scan.met(candidate.slot, truth.found.clone(), None) {
                    Ok(Choice::Reuse(label)) => {
                        let volume = known(&label).unwrap();
                        prop_assert!(!wanted.contains(&label), "{label} is needed");
                        prop_assert_eq!(volume.pool.as_str(), "daily");
                        prop_assert_ne!(volume.last_written, Some(stamp(NOW)));
                        prop_assert!(volume.off_site.is_none());
                    }
                    Ok(Choice::Append(label)) => {
                        let volume = known(&label).unwrap();
                        prop_assert!(append && volume.state == VolumeState::Active);
                        prop_assert!(volume.lock == Lock::Open && volume.off_site.is_none());
                        prop_assert_eq!(volume.pool.as_str(), "daily");
                    }
                    Ok(Choice::Fresh(fresh)) => {
                        let taken = known(fresh.label());
                        prop_assert!(taken.is_none_or(|v| v.state == VolumeState::Chosen));
                        if let (Hint::Label(thought), false) =
                            (&truth.view.hint, matches!(truth.found, Found::Labelled { .. }))
                            && wanted.contains(thought)
                        {
                            let volume = known(thought);
                            let is_elsewhere = volume.is_none_or(|volume| {
                                volume.state == VolumeState::Missing || volume.off_site.is_some()
                            });
                            prop_assert!(is_elsewhere, "{thought} may be there");
                        }
                        match fresh.found() {
                            // A label of ours that the catalogue does not know, or of another pool of ours.
                            Found::Labelled { label, .. } => {
                                prop_assert!(other_config && label.as_str() == "MONTHLY-3")
                            }
                            Found::Foreign(_) => prop_assert!(non_amanda),
                            Found::Unreadable(_) => prop_assert!(volume_error),
                            Found::Blank => {}
                        }
                    }
                    Err(refusal) => prop_assert!(!refusal.why.is_empty()),
                }
            }
        }
    }
}
