//! What the other side of the wire may say, and each payload in each meaning that it can have.

#![no_main]

use format::wire::{
    DumpEnd, FramePiece, Hello, Kind, Message, Note, Progress, Reply, Request, RestoreEnd,
    RestoreRecord, split,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some((message, after))) = split(rest) {
        assert!(after.len() < rest.len(), "a message takes bytes");
        understand(message);
        rest = after;
    }
});

fn understand(message: Message<'_>) {
    let _ = message.json::<Hello>(Kind::Hello);
    let _ = message.json::<Request>(Kind::Request);
    let _ = message.json::<Reply>(Kind::Reply);
    let _ = message.json::<RestoreRecord>(Kind::Record);
    let _ = message.json::<Note>(Kind::Message);
    let _ = message.json::<Progress>(Kind::Progress);
    let _ = message.json::<DumpEnd>(Kind::End);
    let _ = message.json::<RestoreEnd>(Kind::End);
    let _ = FramePiece::decode(message.payload);
}
