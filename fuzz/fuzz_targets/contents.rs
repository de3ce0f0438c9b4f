//! The contents frame, its trailer and the frame table.

#![no_main]

use format::contents::{decode, find};
use format::frame::FrameTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = find(bytes);
    let _ = decode(bytes);
    if let Ok(table) = FrameTable::decode(bytes) {
        let again = FrameTable::decode(&table.encode().expect("a table that was read is sound"));
        assert_eq!(again.expect("what we write we read").frames(), table.frames());
    }
});
