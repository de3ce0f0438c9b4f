//! The first block of a file on a volume or a holding disk: whatever it says, it is read or refused; and what was
//! read can be written and read again.

#![no_main]

use format::header::{Header, decode, encode};
use libfuzzer_sys::fuzz_target;
use types::BlockSize;

fuzz_target!(|block: &[u8]| {
    let Ok(header) = decode(block) else { return };
    if matches!(header, Header::Weird | Header::Empty) {
        return;
    }
    if let Ok(again) = encode(&header, BlockSize::HEADER) {
        decode(&again).expect("what we write we read");
    }
});
