//! Pairs found, doubts refused; and what must hold of any drives and bays at all.

use proptest::prelude::*;

use super::*;
use crate::scsi::page::designators::name;

fn bay(index: u16, claim: Option<Name>) -> BaySeen {
    BaySeen { index, address: 256 + index, claim }
}

fn drive(node: &str, serial: &str) -> DriveSeen {
    DriveSeen {
        node: node.to_owned(),
        vendor: "IBM".to_owned(),
        product: "ULT3580-HH8".to_owned(),
        serial: Some(serial.to_owned()),
        ..DriveSeen::default()
    }
}

fn serial(text: &str) -> Option<Name> {
    Some(Name::Serial(text.to_owned()))
}

fn seen(bays: Vec<BaySeen>, drives: Vec<DriveSeen>) -> Seen {
    Seen { library: Some("LIB1".to_owned()), company: Company::Alone, bays, drives, named: vec![] }
}

fn named(name: &str, serial: &str, bay: Option<u16>) -> Named {
    Named { name: name.parse().unwrap(), serial: serial.to_owned(), bay }
}

/// Bay, node and evidence of each pair.
fn pairs(seen: &Seen) -> Vec<(u16, String, Vec<Evidence>)> {
    let matching = matched(seen).unwrap();
    let pair = |pair: Pair| (pair.bay, seen.drives[pair.drive].node.clone(), pair.evidence);
    matching.pairs.into_iter().map(pair).collect()
}

fn doubts(seen: &Seen) -> Vec<Doubt> {
    matched(seen).unwrap_err().doubts
}

#[test]
fn drives_are_found_by_serial_number_whatever_their_order() {
    let bays = vec![bay(0, serial("B")), bay(1, serial("A"))];
    let seen = seen(bays, vec![drive("sg0", "A"), drive("sg1", "B"), drive("sg2", "C")]);
    let by_serial = vec![Evidence::Serial];
    let expected = vec![(0, "sg1".to_owned(), by_serial.clone()), (1, "sg0".to_owned(), by_serial)];
    assert_eq!(pairs(&seen), expected);
    let matching = matched(&seen).unwrap();
    assert_eq!(matching.strangers, [2]);
    assert_eq!(matching.pairs[0].name.as_str(), "drive0");
}

#[test]
fn each_dialect_of_the_identifier_is_understood() {
    let naa = vec![0x50, 0x05, 0x07, 0x63, 0x0f, 0, 0, 1];
    let t10 = b"HPE     Ultrium 9-SCSI  CZ1      ";
    let mut by_name = drive("sg0", "X");
    by_name.names = vec![Name::Worldwide(naa.clone())];
    let mut by_made = drive("sg1", "Y");
    by_made.made_serial = Some("00078D1".to_owned());
    let mut by_t10 = drive("sg2", "Z");
    by_t10.names = vec![name(2, 1, t10)];
    let claims = [
        name(1, 3, &naa),
        name(2, 0, b"00078D1   \0"),
        name(2, 1, t10),
        name(2, 0, b"IBM     ULT3580-HH8     W"),
    ];
    let bays = (0..).zip(claims).map(|(index, claim)| bay(index, Some(claim))).collect();
    let seen = seen(bays, vec![drive("sg3", "W"), by_t10, by_made, by_name]);
    let expected = [
        (0, "sg0".to_owned(), vec![Evidence::WorldWideName]),
        (1, "sg1".to_owned(), vec![Evidence::MadeSerial]),
        (2, "sg2".to_owned(), vec![Evidence::T10]),
        (3, "sg3".to_owned(), vec![Evidence::Serial]),
    ];
    assert_eq!(pairs(&seen), expected);
}

#[test]
fn what_says_nothing_is_no_evidence() {
    for (set, kind, data) in [
        (2, 0, &b"    \0\0"[..]),
        (2, 1, b"IBM     ULT3580-HH8             "),
        (2, 1, b"short"),
        (1, 3, &[0; 8]),
        (1, 4, &[0, 0, 0, 1]),
        (7, 9, b"what"),
    ] {
        let seen = seen(vec![bay(0, Some(name(set, kind, data)))], vec![drive("sg0", "A")]);
        assert_eq!(doubts(&seen), [Doubt::NothingInCommon], "{set} {kind} {data:?}");
    }
}

#[test]
fn a_drive_that_tells_library_and_element_is_found_by_them() {
    let mut here = drive("sg0", "A");
    (here.library, here.element) = (Some("LIB1".to_owned()), Some(256));
    let mut next_door = drive("sg1", "B");
    (next_door.library, next_door.element) = (Some("LIB2".to_owned()), Some(257));
    let mut seen = seen(vec![bay(0, serial("logical 1")), bay(1, None)], vec![here, next_door]);
    seen.company = Company::Others;
    assert_eq!(pairs(&seen), [(0, "sg0".to_owned(), vec![Evidence::ElementAddress])]);
    assert_eq!(matched(&seen).unwrap().empty_bays, [1]);
}

#[test]
fn an_address_alone_counts_only_where_there_is_no_other_library() {
    let mut lone = drive("sg0", "A");
    lone.element = Some(256);
    let mut seen = seen(vec![bay(0, None)], vec![lone]);
    assert_eq!(pairs(&seen), [(0, "sg0".to_owned(), vec![Evidence::ElementAddress])]);
    seen.company = Company::Others;
    assert_eq!(doubts(&seen), [Doubt::NothingInCommon]);
    seen.company = Company::Alone;
    seen.bays[0].claim = serial("somebody else");
    assert_eq!(doubts(&seen), [Doubt::NothingInCommon]);
}

#[test]
fn two_drives_with_one_serial_number_are_refused() {
    let seen = seen(vec![bay(0, serial("A"))], vec![drive("sg0", "A"), drive("sg1", "A")]);
    let nodes = vec!["sg0".to_owned(), "sg1".to_owned()];
    assert_eq!(doubts(&seen), [Doubt::SeveralDrives { bay: 0, nodes }]);
}

#[test]
fn two_bays_that_claim_one_drive_are_refused() {
    let seen = seen(vec![bay(0, serial("A")), bay(1, serial("A"))], vec![drive("sg0", "A")]);
    assert_eq!(doubts(&seen), [Doubt::SeveralBays { node: "sg0".to_owned(), bays: vec![0, 1] }]);
}

#[test]
fn a_drive_that_sees_itself_in_another_bay_of_this_library_is_refused() {
    let mut confused = drive("sg0", "A");
    (confused.library, confused.element) = (Some("LIB1".to_owned()), Some(257));
    let mut seen = seen(vec![bay(0, serial("A")), bay(1, None)], vec![confused]);
    let doubt = Doubt::Contradiction { node: "sg0".to_owned(), bay: 0, other: 1 };
    assert_eq!(doubts(&seen), [doubt]);
    seen.drives[0].library = None;
    assert_eq!(
        pairs(&seen).len(),
        1,
        "an address without a library may be one of before a partition"
    );
}

#[test]
fn the_operators_word_decides_where_hardware_is_silent() {
    let mut seen =
        seen(vec![bay(0, None), bay(1, None)], vec![drive("sg0", "A"), drive("sg1", "B")]);
    seen.named = vec![named("left", "B", Some(0)), named("right", "A", Some(1))];
    let told = vec![Evidence::Configured];
    assert_eq!(pairs(&seen), [(0, "sg1".to_owned(), told.clone()), (1, "sg0".to_owned(), told)]);
    assert_eq!(matched(&seen).unwrap().pairs[0].name.as_str(), "left");
}

#[test]
fn the_operators_word_against_the_hardware_is_refused() {
    let bays = vec![bay(0, serial("A")), bay(1, serial("B"))];
    let mut seen = seen(bays, vec![drive("sg0", "A"), drive("sg1", "B")]);
    seen.named = vec![named("left", "B", Some(0))];
    let doubt = Doubt::Contradiction { node: "sg1".to_owned(), bay: 0, other: 1 };
    assert_eq!(doubts(&seen), [doubt]);
}

#[test]
fn only_named_drives_are_used_and_absent_ones_are_told() {
    let bays = vec![bay(0, serial("A")), bay(1, serial("B"))];
    let mut seen = seen(bays, vec![drive("sg0", "A"), drive("sg1", "B")]);
    seen.named = vec![named("ours", "B", None), named("dead", "C", None)];
    let matching = matched(&seen).unwrap();
    assert_eq!(matching.pairs.len(), 1);
    assert_eq!((matching.pairs[0].name.as_str(), matching.pairs[0].bay), ("ours", 1));
    assert_eq!((matching.empty_bays, matching.strangers), (vec![0], vec![0]));
    assert_eq!(matching.missing, [named("dead", "C", None)]);
}

#[test]
fn names_that_cannot_be_given_are_refused() {
    let mut seen = seen(vec![bay(0, serial("A"))], vec![drive("sg0", "A")]);
    seen.named = vec![named("a", "A", Some(4)), named("a", "B", None)];
    let name = "a".parse().unwrap();
    let expected = [Doubt::NoSuchBay(named("a", "A", Some(4))), Doubt::NamedTwice(name)];
    assert_eq!(doubts(&seen), expected);
}

#[test]
fn a_refusal_shows_everything_that_was_seen_and_says_what_to_do() {
    let mut other = drive("/dev/sg4", "B");
    (other.library, other.element) = (Some("LIB1".to_owned()), Some(9));
    let mut seen =
        seen(vec![bay(0, serial("X")), bay(1, None)], vec![drive("/dev/sg3", "A"), other]);
    seen.named = vec![named("left", "Q", None)];
    let text = matched(&seen).unwrap_err().to_string();
    let expected = "\
which drive sits in which bay cannot be told:
  no drive says anything that the changer says too
the changer, serial LIB1, says of its drives:
  bay 0 (element 256): serial X
  bay 1 (element 257): nothing
the drives of this host say of themselves:
  /dev/sg3: IBM ULT3580-HH8, serial A
  /dev/sg4: IBM ULT3580-HH8, serial B, in library LIB1, at element 9
the configuration says:
  left: serial Q
name the drives in the configuration, each with its serial number and its bay; `library verify-drives \
         --by-loading` proves it with a cartridge";
    assert_eq!(text, expected.replace("\\\n         ", ""));
}

#[test]
fn a_changer_without_drives_and_a_host_without_drives_are_no_doubt() {
    assert_eq!(matched(&Seen::default()).unwrap(), Matching::default());
    let lonely = seen(vec![bay(0, serial("A"))], Vec::new());
    assert_eq!(matched(&lonely).unwrap().empty_bays, [0]);
}

/// Few serial numbers, so that they often meet.
fn some_serial() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(vec!["A", "B", "C", "D", ""]).prop_map(str::to_owned))
}

fn some_bay() -> impl Strategy<Value = Option<Name>> {
    prop_oneof![
        3 => some_serial().prop_map(|serial| serial.map(Name::Serial)),
        1 => some_serial().prop_map(|serial| serial.map(|serial| Name::Vendor {
            vendor: "IBM".to_owned(),
            rest: format!("{:16}{serial}", "X"),
        })),
        1 => prop::collection::vec(0..2_u8, 1..3).prop_map(|name| Some(Name::Worldwide(name))),
    ]
}

fn some_drive() -> impl Strategy<Value = DriveSeen> {
    let library =
        prop::option::of(prop::sample::select(vec!["LIB1", "LIB2"]).prop_map(str::to_owned));
    let name = prop::collection::vec(0..2_u8, 1..3).prop_map(Name::Worldwide);
    let names = prop::collection::vec(name, 0..2);
    (some_serial(), some_serial(), names, library, prop::option::of(255..260_u16)).prop_map(
        |(serial, made_serial, names, library, element)| DriveSeen {
            serial,
            made_serial,
            names,
            library,
            element,
            ..DriveSeen::default()
        },
    )
}

fn some_seen() -> impl Strategy<Value = Seen> {
    let bays = prop::collection::vec(some_bay(), 0..5);
    let drives = prop::collection::vec(some_drive(), 0..5);
    let given = prop::collection::vec((some_serial(), prop::option::of(0..5_u16)), 0..3);
    (bays, drives, given, any::<bool>()).prop_map(|(bays, drives, given, alone)| {
        let mut all = seen(
            (0..).zip(bays).map(|(index, claim)| bay(index, claim)).collect(),
            (0..)
                .zip(drives)
                .map(|(n, drive)| DriveSeen { node: format!("sg{n}"), ..drive })
                .collect(),
        );
        all.company = if alone { Company::Alone } else { Company::Others };
        all.named = (0..)
            .zip(given)
            .filter_map(|(n, (serial, bay))| Some(named(&format!("n{n}"), &serial?, bay)))
            .collect();
        all
    })
}

proptest! {
    #[test]
    fn no_drive_is_in_two_bays_and_no_pair_is_without_evidence(seen in some_seen()) {
        if let Ok(matching) = matched(&seen) {
            let bays: BTreeSet<_> = matching.pairs.iter().map(|pair| pair.bay).collect();
            let drives: BTreeSet<_> = matching.pairs.iter().map(|pair| pair.drive).collect();
            let names: BTreeSet<_> = matching.pairs.iter().map(|pair| &pair.name).collect();
            prop_assert_eq!(bays.len(), matching.pairs.len());
            prop_assert_eq!(drives.len(), matching.pairs.len());
            prop_assert_eq!(names.len(), matching.pairs.len());
            prop_assert!(matching.pairs.iter().all(|pair| !pair.evidence.is_empty()));
            prop_assert_eq!(bays.len() + matching.empty_bays.len(), seen.bays.len());
            prop_assert_eq!(drives.len() + matching.strangers.len(), seen.drives.len());
        }
    }

    #[test]
    fn the_order_in_which_the_kernel_found_the_drives_changes_nothing(
        seen in some_seen(),
        turn in 0..5_usize,
    ) {
        let mut turned = seen.clone();
        if !turned.drives.is_empty() {
            let by = turn % turned.drives.len();
            turned.drives.rotate_left(by);
        }
        let nodes = |seen: &Seen| matched(seen).ok().map(|matching| {
            matching.pairs.into_iter()
                .map(|pair| (pair.bay, seen.drives[pair.drive].node.clone(), pair.evidence))
                .collect::<Vec<_>>()
        });
        prop_assert_eq!(nodes(&seen), nodes(&turned));
    }

    #[test]
    fn distinct_serial_numbers_on_both_sides_are_always_matched(
        count in 1..8_u16,
        drives in Just((0..8_u16).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let bays = (0..count).map(|index| bay(index, serial(&format!("S{index}")))).collect();
        let drives = drives.iter().map(|n| drive(&format!("sg{n}"), &format!("S{n}"))).collect();
        let seen = seen(bays, drives);
        let matching = matched(&seen).unwrap();
        prop_assert_eq!(matching.pairs.len(), usize::from(count));
        for pair in matching.pairs {
            prop_assert_eq!(&seen.drives[pair.drive].node, &format!("sg{}", pair.bay));
        }
    }

    #[test]
    fn a_second_drive_of_the_same_serial_number_is_never_overlooked(
        seen in some_seen(),
        which in 0..5_usize,
    ) {
        let mut doubled = seen.clone();
        if let Ok(matching) = matched(&seen)
            && let Some(pair) = matching.pairs.get(which)
            && pair.evidence.contains(&Evidence::Serial)
        {
            let twin = DriveSeen { node: "twin".to_owned(), ..doubled.drives[pair.drive].clone() };
            doubled.drives.push(twin);
            prop_assert!(matched(&doubled).is_err());
        }
    }
}
