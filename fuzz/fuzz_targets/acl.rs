//! ACLs, from the kernel's bytes and from the text of an archive: what one gives the other takes.

#![no_main]

use format::acl::{from_text, to_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = from_text(bytes);
    if let Ok(text) = to_text(bytes) {
        if let Ok(again) = from_text(&text) {
            assert_eq!(to_text(&again).expect("what we made we read"), text);
        }
    }
});
