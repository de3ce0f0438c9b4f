//! All other replies: limits, positions, densities, timeouts, units, reservations, encryption, orders, wraps.

#![no_main]

use devices::scsi::page::{
    block_limits, density, encryption, luns, media_serial, opcodes, position, rao, reservation,
    wraps,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = block_limits::decode(bytes);
    let _ = position::short(bytes);
    let _ = position::long(bytes);
    let _ = position::extended(bytes);
    let _ = density::decode(bytes);
    let _ = opcodes::decode_all(bytes);
    let _ = opcodes::decode_one(bytes);
    let _ = luns::decode(bytes);
    let _ = media_serial::decode(bytes);
    let _ = reservation::keys(bytes);
    let _ = reservation::holder(bytes);
    let _ = encryption::algorithms(bytes);
    let _ = encryption::status(bytes);
    let _ = encryption::next_block(bytes);
    let _ = encryption::pages(encryption::PAGES_IN, bytes);
    let _ = rao::limits(bytes);
    let _ = wraps::decode(bytes);
    if let Ok(segments) = rao::reply(bytes) {
        let list = rao::request(&segments).expect("what was read is short enough");
        assert_eq!(rao::reply(&list).expect("what we write we read"), segments);
    }
});
