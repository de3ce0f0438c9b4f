//! What is where in a changer: no place comes twice, and no more places than the bytes can hold.

#![no_main]

use std::collections::HashSet;

use devices::scsi::page::element_status::{announced_length, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = announced_length(bytes);
    let Ok(status) = decode(bytes) else { return };
    assert!(status.places.len() <= bytes.len() / 4);
    let elements: HashSet<_> = status.places.iter().map(|place| place.element).collect();
    assert_eq!(elements.len(), status.places.len());
});
