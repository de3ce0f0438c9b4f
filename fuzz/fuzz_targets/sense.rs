//! Sense data: read or refused, with words for whatever they say; and for every occasion a verdict in which nothing
//! is repeated where the position is lost.

#![no_main]

use devices::scsi::judge::{Again, Position, Unflushed};
use devices::scsi::{During, Sense, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(sense) = Sense::read(bytes) else { return };
    assert_eq!(sense.raw(), bytes);
    let _ = (sense.to_string(), sense.ultrium(), sense.percent());
    for during in During::ALL {
        let verdict = judge(&sense, during);
        let _ = verdict.blame();
        if verdict.position() == Position::Lost {
            assert_eq!(verdict.unflushed(), Unflushed::Lost);
            assert_ne!(verdict.again(), Again::AtOnce);
        }
    }
});
