//! An index file: what it lists it finds, and an index that verifies has nothing wrong anywhere.

#![no_main]

use format::index::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(reader) = Reader::open(bytes.to_vec()) else { return };
    let _ = reader.find(b"a/b");
    let _ = reader.list(b"");
    let sound = reader.verify().is_ok();
    for record in reader.iter() {
        match record {
            Ok(record) if sound => {
                assert!(reader.find(&record.path).expect("it verified").is_some())
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
});
