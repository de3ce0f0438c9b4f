//! Why a DLE has no dump, as those hear it who give advice: by what stood in the way, and not by the words.

use types::{Bytes, DriveId, DumpId};

use super::knobs::Told;
use super::nights::{case, dle, drive, full, manner_of_all, no_smaller, planned};
use super::world::id;
use crate::dispatcher::{Action, Event, Failure, Hindrance, Holding, Start};

fn d1() -> DriveId {
    drive("robot", "d1")
}

/// A dump straight to a volume, in the middle of which this happens to the volume.
fn in_the_middle_of_a_volume(runtapes: u32, end: Event) -> (Told, Vec<Action>) {
    let mut case = case(vec![planned("a", full(100), no_smaller())]);
    manner_of_all(&mut case, |manner| manner.holding = Holding::Never);
    case.site.tapers[0].runtapes = runtapes;
    let mut told = Told::of(case);
    told.tell(Event::Started);
    told.tell(Event::VolumeFound { drive: d1() });
    let label = "V1".parse().unwrap();
    told.tell(Event::VolumeMounted { drive: d1(), label, room: Some(Bytes(1)), start: Start::New });
    let actions = told.tell(end);
    (told, actions)
}

fn aborted(dump: DumpId) -> Event {
    Event::DumpFailed { dump, failure: Failure::Aborted, why: "it was stopped".into() }
}

fn given_up_for(actions: &[Action]) -> Option<Hindrance> {
    let given_up = actions.iter().find_map(|action| match action {
        Action::GiveUp { why, .. } => Some(why),
        _ => None,
    });
    given_up.unwrap_or_else(|| panic!("{actions:?}")).hindrance
}

#[test]
fn a_dump_in_the_middle_of_which_the_volumes_end_is_given_up_for_want_of_volumes() {
    let (mut told, actions) = in_the_middle_of_a_volume(9, Event::VolumeFull { drive: d1() });
    assert!(matches!(actions[..], [Action::MountVolume { .. }]), "{actions:?}");
    let none = Event::NoVolume { drive: d1(), why: "slot 1 holds no cartridge".into() };
    assert!(matches!(told.tell(none)[..], [Action::AbortDump { .. }]));
    assert_eq!(given_up_for(&told.tell(aborted(id(1)))), Some(Hindrance::Volumes));
}

#[test]
fn a_dump_in_the_middle_of_which_runtapes_is_reached_is_given_up_for_that() {
    let (mut told, actions) = in_the_middle_of_a_volume(1, Event::VolumeFull { drive: d1() });
    assert!(matches!(actions[..], [Action::AbortDump { .. }]), "{actions:?}");
    assert_eq!(given_up_for(&told.tell(aborted(id(1)))), Some(Hindrance::Runtapes));
    assert!(told.dispatcher.is_over(&dle("host", "a")));
}

#[test]
fn a_volume_whose_disk_is_full_is_none_of_runtapes_and_if_no_other_has_room_that_is_the_reason() {
    let (mut told, actions) = in_the_middle_of_a_volume(1, Event::DiskFull { drive: d1() });
    assert!(matches!(actions[..], [Action::MountVolume { .. }]), "{actions:?}");
    let none = Event::NoVolume { drive: d1(), why: "the file system is full".into() };
    assert!(matches!(told.tell(none)[..], [Action::AbortDump { .. }]));
    assert_eq!(given_up_for(&told.tell(aborted(id(1)))), Some(Hindrance::Volumes));
}

#[test]
fn a_dump_that_failed_is_over_or_comes_again_as_is_decided_then() {
    for (failure, over) in
        [(Failure::Retry, false), (Failure::Final, true), (Failure::NoBase, true)]
    {
        let mut told = Told::of(case(vec![planned("a", full(100), no_smaller())]));
        told.tell(Event::Started);
        told.tell(Event::VolumeFound { drive: d1() });
        told.tell(Event::DumpFailed { dump: id(1), failure, why: "ill".into() });
        assert_eq!(told.dispatcher.is_over(&dle("host", "a")), over, "{failure:?}");
    }
}

#[test]
fn a_client_that_is_ill_is_told_by_its_tries_alone() {
    let mut told = Told::of(case(vec![planned("a", full(100), no_smaller())]));
    told.tell(Event::Started);
    told.tell(Event::VolumeFound { drive: d1() });
    let failed = Event::DumpFailed { dump: id(1), failure: Failure::Final, why: "ill".into() };
    assert_eq!(given_up_for(&told.tell(failed)), None);
}
