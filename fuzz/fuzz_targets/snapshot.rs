//! A client's snapshot, read from front to back.

#![no_main]

use format::snapshot::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reader) = Reader::open(bytes) {
        for record in reader {
            if record.is_err() {
                break;
            }
        }
    }
});
