//! A cartridge's memory: what was read can be written and read again.

#![no_main]

use devices::scsi::page::attributes::{
    Attributes, CartridgeMemory, Coherency, identifiers, write_list,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = identifiers(bytes);
    if let Some(note) = Coherency::decode(bytes) {
        let value = note.encode().expect("a note that was read is sound");
        assert_eq!(Coherency::decode(&value), Some(note));
    }
    let Ok(attributes) = Attributes::decode(bytes) else { return };
    let _ = CartridgeMemory::of(&attributes);
    let list = write_list(attributes.all()).expect("what was read is short enough");
    let again = Attributes::decode(&list).expect("what we write we read");
    assert_eq!(again.all().len(), attributes.all().len());
});
