//! Mode data: a page that was read can be changed, sent back and read again.

#![no_main]

use devices::scsi::page::PageCode;
use devices::scsi::page::mode::compression::Compression;
use devices::scsi::page::mode::configuration::Configuration;
use devices::scsi::page::mode::elements::{Addresses, Moves, turning_arms};
use devices::scsi::page::mode::extension::Extension;
use devices::scsi::page::mode::protection::{Checks, Protection};
use devices::scsi::page::mode::{Mode, Switch, exceptions, medium, partitions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (page, subpage, bytes) = input;
    for mode in [Mode::decode_6(bytes), Mode::decode_10(bytes)].into_iter().flatten() {
        if let Ok(page) = mode.page("it", PageCode::sub(page & 0x3f, subpage)) {
            let _ = mode.select_6(mode.descriptor, page);
            let _ = mode.select_10(None, page);
        }
    }
    if let Ok(page) = Compression::decode(bytes) {
        assert!(Compression::decode(&page.turned(Switch::On)).expect("it was a page").compresses());
    }
    if let Ok(page) = Configuration::decode(bytes) {
        assert!(
            Configuration::decode(&page.compressing(Switch::On))
                .expect("it was a page")
                .compresses()
        );
    }
    if let Ok(page) = Extension::decode(bytes) {
        assert_eq!(
            Extension::decode(&page.warning_at(7)).expect("it was a page").warning_size(),
            7
        );
    }
    if let Ok(page) = Protection::decode(bytes) {
        let checked = Protection::decode(&page.with(Checks::CRC32C)).expect("it was a page");
        assert_eq!(checked.checks(), Checks::CRC32C);
    }
    let _ = Addresses::decode(bytes).map(|addresses| addresses.total());
    let _ = Moves::decode(bytes);
    let _ = turning_arms(bytes);
    let _ = exceptions::decode(bytes);
    let _ = medium::decode(bytes);
    let _ = partitions::decode(bytes);
});
