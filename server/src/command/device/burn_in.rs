//! `device burn-in`: whether what is written comes back, before anything that matters is written.

use devices::ssc::Spoilt;
use devices::trial::{BurnIn, Burnt, Fault};
use serde_json::json;
use types::{BlockSize, Bytes};

use super::super::library::Place;
use super::measure::{progress, size};
use super::scratch::Scratch;
use crate::cli;
use crate::command::{Context, Exit};
use crate::print;

pub(super) fn run(context: &Context, wish: &cli::BurnIn) -> anyhow::Result<Exit> {
    let bytes = size(&wish.bytes)?;
    let site = context.open()?;
    let _lock = site.lock(&context.holder("device burn-in"))?;
    let place = Place::open(&site, wish.on.storage.as_deref())?;
    let lengths = lengths(place.storage.tapetype.blocksize);
    let mut scratch = Scratch::find(&place, &wish.on)?;
    let each = Bytes(bytes.0.div_ceil(lengths.len().max(1) as u64));
    let burn_in = BurnIn { lengths, bytes: each, jumps: wish.jumps, seed: wish.seed };
    let burnt = burn_in.run(scratch.tape()?, &mut progress());
    let drive = scratch.name().clone();
    let back = scratch.put_back();
    if context.json {
        print::json(&value(&burnt, drive.as_str()))?;
    } else {
        print::text(&text(&burnt, drive.as_str()))?;
    }
    back?;
    Ok(if burnt.faults.is_empty() { Exit::Good } else { Exit::Complaints })
}

/// The lengths to try: from Amanda's to that of the configuration, each four times the one before.
fn lengths(longest: BlockSize) -> Vec<BlockSize> {
    let steps = (0..).map_while(|step| BlockSize::new(BlockSize::HEADER.bytes().0 << (2 * step)));
    steps.take_while(|length| *length < longest).chain([longest]).collect()
}

fn text(burnt: &Burnt, drive: &str) -> String {
    let mut text = String::new();
    for tried in &burnt.tried {
        text.push_str(&format!(
            "{} blocks of {}: written at {} a second, read at {}\n",
            tried.blocks,
            tried.block.bytes(),
            tried.writing,
            tried.reading
        ));
    }
    let millis = burnt.longest_jump.as_millis();
    text.push_str(&format!("{} jumps, the longest took {millis} ms\n", burnt.jumps));
    text.push_str(match burnt.checks {
        Some(Spoilt::Refused) => "a block with a wrong check value was refused, as it should be\n",
        Some(Spoilt::Taken) => "a block with a wrong check value was taken\n",
        Some(Spoilt::Unchecked) => "the drive takes no check values behind blocks\n",
        None => "",
    });
    text.push_str(&format!("{} times the drive wrote or read again\n", burnt.retried));
    for flag in &burnt.alerts {
        text.push_str(&format!("the drive warns: {flag}\n"));
    }
    for fault in &burnt.faults {
        text.push_str(&format!("FAULT {}\n", chain(fault)));
    }
    text.push_str(&match burnt.faults.len() {
        0 => format!("{drive} and its cartridge are well\n"),
        count => format!("{count} faults: do not use {drive} with this cartridge before it is known which is to blame. \
                          Clean the drive, and try another cartridge\n"),
    });
    text
}

/// A fault with its causes.
fn chain(fault: &Fault) -> String {
    let mut text = fault.to_string();
    let mut next = std::error::Error::source(fault);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

fn value(burnt: &Burnt, drive: &str) -> serde_json::Value {
    let tried = burnt.tried.iter().map(|tried| {
        json!({
            "blocksize": tried.block.bytes(), "blocks": tried.blocks,
            "write_bytes_per_second": tried.writing, "read_bytes_per_second": tried.reading,
        })
    });
    let checks = burnt.checks.map(|said| match said {
        Spoilt::Refused => "refused",
        Spoilt::Taken => "taken",
        Spoilt::Unchecked => "none",
    });
    json!({
        "drive": drive, "tried": tried.collect::<Vec<_>>(), "jumps": burnt.jumps,
        "longest_jump_milliseconds": u64::try_from(burnt.longest_jump.as_millis()).unwrap_or(u64::MAX),
        "wrong_check_value": checks, "retried": burnt.retried,
        "alerts": burnt.alerts.iter().map(|flag| flag.number()).collect::<Vec<_>>(),
        "faults": burnt.faults.iter().map(chain).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_go_up_to_the_one_that_is_configured() {
        let kib = |longest: u64| {
            let longest = BlockSize::new(longest << 10).unwrap();
            lengths(longest).iter().map(|length| length.bytes().0 >> 10).collect::<Vec<_>>()
        };
        assert_eq!(kib(512), [32, 128, 512]);
        assert_eq!(kib(1024), [32, 128, 512, 1024]);
        assert_eq!(kib(32), [32]);
        assert_eq!(kib(8192), [32, 128, 512, 2048, 8192]);
    }

    #[test]
    fn a_fault_is_told_with_what_to_do() {
        let burnt = Burnt { faults: vec![Fault::TookWrongCheck], ..Burnt::default() };
        let text = text(&burnt, "drive0");
        assert!(text.contains("FAULT the drive took a block with a wrong check value"), "{text}");
        assert!(text.contains("Clean the drive"), "{text}");
    }
}
