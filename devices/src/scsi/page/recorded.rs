//! What real drives and libraries have sent, read by our decoders. Each reply is a file in `tests/replies`, which tells what
//! sent it and how it came to be known; those that were written by hand are tested beside their decoders.

use std::time::Duration;

use types::{Bytes, ObjectNo};

use super::designators::{self, Name, Of};
use super::element_status::{self, Strange};
use super::inquiry::{self, DeviceKind};
use super::log::{self, Log, alerts, capacity, device_status, volume};
use super::mode::elements::Addresses;
use super::mode::partitions::{self, Unit};
use super::mode::{Buffering, Mode, compression, configuration, exceptions, medium};
use super::testing::{hex, spoil};
use super::{PageCode, position};
use crate::scsi::cdb::smc::Element;

macro_rules! reply {
    ($name:literal) => {
        hex(include_str!(concat!("../../../tests/replies/", $name, ".hex")))
    };
}

#[test]
fn drives_of_two_makers_say_what_they_are() {
    let known = [
        (reply!("inquiry_hp_ultrium1"), "HP", "Ultrium 1-SCSI", "E12D", false),
        (reply!("inquiry_ultrium_td3"), "IBM", "ULTRIUM-TD3", "5CM0", false),
        (reply!("inquiry_ult3580_hh8"), "IBM", "ULT3580-HH8", "MA71", true),
    ];
    for (reply, vendor, product, revision, protection) in known {
        let said = inquiry::decode(&reply).unwrap();
        assert_eq!(said.kind, DeviceKind::Tape);
        assert_eq!([said.vendor, said.product, said.revision], [vendor, product, revision]);
        assert_eq!((said.protection, said.attached_changer), (protection, false));
        spoil(&reply, |bytes| drop(inquiry::decode(bytes)));
    }
}

#[test]
fn the_serial_number_stands_behind_the_model() {
    let found = designators::decode(&reply!("vpd83_ultrium_td3")).unwrap();
    let [only] = &found[..] else { panic!("{found:?}") };
    assert_eq!(only.of, Of::Unit);
    assert!(matches!(&only.name, Name::Vendor { vendor, .. } if vendor == "IBM"));
    assert_eq!(only.name.serial(), Some("1210173183"));
}

#[test]
fn an_empty_lto_10_drive_tells_how_it_is_set_up() {
    let mode = Mode::decode_10(&reply!("mode_ult3580_tda")).unwrap();
    assert_eq!((mode.medium, mode.write_protected()), (0, false));
    assert_eq!(mode.buffering(), Buffering::On);
    assert_eq!(mode.descriptor.unwrap().block_length, 0);
    let page = |code| mode.page("it", code).unwrap();
    let compression = compression::Compression::decode(page(compression::PAGE)).unwrap();
    assert!(compression.possible() && compression.compresses() && compression.expands());
    let configuration = configuration::Configuration::decode(page(configuration::PAGE)).unwrap();
    assert_eq!(configuration.write_delay(), Duration::from_secs(30));
    assert!(configuration.counts_objects() && configuration.compresses());
    // The early warning is told by EEG alone: the drive does not flush by itself.
    assert!(!configuration.flushes_at_early_warning());
    assert!(!configuration.write_protected_by_host() && !configuration.write_protected_on_medium());
    let partitions = partitions::decode(page(partitions::PAGE)).unwrap();
    assert_eq!((partitions.most_more, partitions.more), (3, 0));
    assert_eq!(partitions.unit, Unit::PowerOfTen(8));
    let exceptions = exceptions::decode(page(exceptions::PAGE)).unwrap();
    assert!(exceptions.only_logged && !exceptions.test);
    assert!(!medium::decode(page(medium::PAGE)).unwrap().write_once);
    // The last page is the maker's own: none was lost on the way there.
    assert_eq!(page(PageCode::page(0x30)).len(), 9);
}

#[test]
fn a_virtual_lto_4_drive_is_set_up_alike() {
    let mode = Mode::decode_10(&reply!("mode_vtl_lto4")).unwrap();
    assert_eq!((mode.medium, mode.descriptor), (0x48, None));
    let partitions = partitions::decode(mode.page("it", partitions::PAGE).unwrap()).unwrap();
    assert_eq!((partitions.unit, partitions.sizes[0]), (Unit::PowerOfTen(9), 858));
    let mode = Mode::decode_10(&reply!("mode_vtl_lto4_block")).unwrap();
    let descriptor = mode.descriptor.unwrap();
    assert_eq!((descriptor.density, descriptor.block_length), (0x46, 0));
    let page = mode.page("it", configuration::PAGE).unwrap();
    assert!(configuration::Configuration::decode(page).unwrap().compresses());
}

#[test]
fn a_library_tells_which_places_it_has() {
    let mode = Mode::decode_6(&reply!("mode_changer_mhvtl")).unwrap();
    let page = mode.page("it", super::mode::elements::ADDRESSES).unwrap();
    let has = Addresses::decode(page).unwrap();
    let ranges = [has.arms, has.slots, has.mail_slots, has.drives];
    assert_eq!(
        ranges.map(|range| (range.first.0, range.count)),
        [(1, 1), (1000, 40), (10, 4), (500, 4)]
    );
}

#[test]
fn drives_are_listed_although_none_is_counted_and_the_last_is_cut_off() {
    let status = element_status::decode(&reply!("element_status_drives_mhvtl")).unwrap();
    let found: Vec<_> = status
        .places
        .iter()
        .map(|place| (place.element, place.name.as_ref().and_then(Name::serial)))
        .collect();
    assert_eq!(
        found,
        [
            (Element(500), Some("XYZZY_A1")),
            (Element(501), Some("XYZZY_A2")),
            (Element(502), Some("XYZZY_A3")),
            // Half a name would be another's.
            (Element(503), None)
        ]
    );
    assert_eq!(status.strange, [Strange::CutOff, Strange::Miscounted]);
}

#[test]
fn a_number_that_the_drive_itself_does_not_believe_is_none() {
    let position = position::long(&reply!("position_long_mhvtl")).unwrap();
    assert_eq!((position.object, position.partition, position.file), (None, None, Some(0)));
    assert_ne!(position.object, Some(ObjectNo(2)));
}

#[test]
fn no_alert_is_set() {
    assert_eq!(alerts::response(&reply!("log_alerts_td6")).unwrap(), []);
}

#[test]
fn a_cartridge_that_was_given_out_and_not_taken_is_present_and_not_seated() {
    let now = device_status::decode(&reply!("log_device_status_td6")).unwrap();
    assert!(now.cartridge_present && now.arm_may_reach_in && now.write_protected);
    assert!(!now.cartridge_seated && !now.threaded && !now.mounted && !now.activity.is_busy());
    let empty = device_status::decode(&reply!("log_device_status_tda")).unwrap();
    assert!(!empty.cartridge_present && empty.arm_may_reach_in && empty.compresses);
    for reply in [reply!("log_device_status_td6"), reply!("log_device_status_tda")] {
        spoil(&reply, |bytes| drop(device_status::decode(bytes)));
    }
}

#[test]
fn an_lto_4_cartridge_holds_800_gigabytes_in_units_of_2_to_the_20() {
    let [first, second, ..] = capacity::decode(&reply!("log_capacity_lto4")).unwrap();
    let most = first.most.unwrap();
    assert!(most > Bytes(799_990_000_000) && most < Bytes(800_010_000_000), "{most:?}");
    assert_eq!((first.left, second.most), (Some(Bytes(0)), None));
}

#[test]
fn an_lto_6_drive_tells_of_four_partitions_and_knows_none() {
    let tail = reply!("log_volume_lto6_tail");
    let bytes = [&[0x17, 0, 0, 0xff][..], &tail[5..]].concat();
    let rooms = volume::decode(&bytes).unwrap().partitions;
    assert_eq!(rooms.iter().map(|room| room.partition).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(rooms.iter().all(|room| room.used.is_none() && room.left.is_none()));
}

#[test]
fn pages_of_the_maker_s_own_have_their_parameters() {
    let known = [
        (reply!("log_performance_td6"), 0x37, 6),
        (reply!("log_performance_tda"), 0x37, 6),
        (reply!("log_33_tda"), 0x33, 18),
        (reply!("log_39_td6"), 0x39, 6),
        (reply!("log_subsystem_td6"), 0x3d, 8),
        (reply!("log_usage_3c_td6"), 0x3c, 5),
    ];
    for (reply, page, count) in known {
        let page = PageCode::page(page);
        assert_eq!(Log::decode("it", page, &reply).unwrap().parameters().len(), count, "{page}");
        assert!(log::supported(&reply).is_err());
    }
}
