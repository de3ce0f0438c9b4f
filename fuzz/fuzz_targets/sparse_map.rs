//! The map of a sparse member: extents in order, within the file, or a refusal.

#![no_main]

use format::tar::parse_map;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8])| {
    let (size, data) = input;
    if let Ok(Some((extents, used))) = parse_map(data, size) {
        assert!(used <= data.len());
        let mut end = 0;
        for extent in extents {
            assert!(extent.offset >= end);
            end = extent.offset + extent.len;
        }
        assert!(end <= size);
    }
});
