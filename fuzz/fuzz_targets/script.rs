//! What a script may write, and what it may say that it supports.

#![no_main]

use format::script::{LONGEST_LINE, MOST_LINES, ScriptEnd, Support};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Support::read(bytes);
    let (out, errors) = bytes.split_at(bytes.len() / 2);
    let end = ScriptEnd::read(Some(0), out, errors);
    assert!(end.said.len() <= MOST_LINES);
    // A byte that is no text becomes a character of three.
    assert!(end.said.iter().all(|said| said.text.len() <= 3 * LONGEST_LINE));
    assert!(end.said.iter().all(|said| !said.text.contains('\x1b')));
});
