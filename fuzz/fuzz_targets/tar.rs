//! A tar stream, whole and in pieces: the same events either way, and whatever it says, an end or a refusal.

#![no_main]

use format::tar::{Decoder, Event, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let whole = events(bytes.chunks(bytes.len().max(1)));
    let pieces = events(bytes.chunks(usize::from(piece).max(1)));
    assert_eq!(whole, pieces);
});

/// What is told of the entries, with all data of each put together, and whether it ended well.
fn events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (String, Vec<u8>, bool) {
    let (mut told, mut data) = (String::new(), Vec::new());
    let mut decoder = Decoder::new(Limits::default());
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(Event::Data { bytes, .. })) => data.extend_from_slice(bytes),
                Ok(Some(event)) => told.push_str(&format!("{event:?}\n")),
                Ok(None) => break,
                Err(_) => return (told, data, false),
            }
        }
    }
    let whole = decoder.finish().is_ok();
    (told, data, whole)
}
