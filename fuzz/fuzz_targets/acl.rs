//! ACLs, from the kernel's bytes and from the text of an archive: what one gives the other takes, in the order that the
//! kernel wants. (Other file systems may give theirs in any.)

#![no_main]

use format::acl::{from_text, to_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = from_text(bytes);
    if let Ok(text) = to_text(bytes) {
        if let Ok(ordered) = from_text(&text) {
            let text = to_text(&ordered).expect("what we made we read");
            assert_eq!(from_text(&text).expect("and read again"), ordered);
        }
    }
});
