//! A configuration: understood, or complained about with places that are in the text.

#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let files = [(PathBuf::from("reelkeep.toml"), text.to_owned())];
    if let Err(complaints) = config::read(&files) {
        let _ = complaints.pictures(false);
    }
});
