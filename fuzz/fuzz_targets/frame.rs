//! A frame as it comes from a medium: never more than its table promises, never a panic; and looking for the next
//! frame in damaged bytes always moves on.

#![no_main]

use format::frame::{decode, filler_before, next_frame, resync};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, &[u8])| {
    let (raw, bytes) = input;
    let mut out = Vec::new();
    if decode(bytes, raw, &mut out).is_ok() {
        assert_eq!(out.len(), raw as usize);
    }
    let _ = next_frame(bytes);
    if let Some(at) = resync(bytes, 0) {
        assert!(at < bytes.len());
    }
    let _ = filler_before(bytes);
});
