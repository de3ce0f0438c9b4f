//! `device measure`: what a cartridge holds and how fast it is written, as a section to paste into the configuration.

use devices::scsi::densities::density;
use devices::trial::{Capacity, Compresses, Measure, Measured, Step};
use serde_json::json;
use types::Bytes;

use super::super::library::Place;
use super::scratch::Scratch;
use crate::cli;
use crate::command::{Context, Exit, Misuse};
use crate::library::Tape;
use crate::print;

/// A drive's buffer has 1 GiB at most: what is written to see whether it compresses is more.
const PROBE: Bytes = Bytes(4 << 30);

/// Of the noise.
const SEED: u64 = 1;

pub(super) fn run(context: &Context, wish: &cli::Measure) -> anyhow::Result<Exit> {
    let bytes = wish.bytes.as_deref().map(size).transpose()?;
    let site = context.open()?;
    let _lock = site.lock(&context.holder("device measure"))?;
    let place = Place::open(&site, wish.on.storage.as_deref())?;
    let mut scratch = Scratch::find(&place, &wish.on)?;
    let probe = bytes.map_or(PROBE, |bytes| PROBE.min(bytes));
    let tape = scratch.tape()?;
    let name = wish.name.clone().unwrap_or(generation(tape)?);
    let measured = Measure { bytes, probe, seed: SEED }.run(tape, &mut progress());
    let drive = scratch.name().clone();
    scratch.put_back()?;
    let measured = measured?;
    if context.json {
        print::json(&value(&measured, drive.as_str(), &name))?;
    } else {
        print::text(&text(&measured, &name))?;
    }
    Ok(Exit::Good)
}

/// A size on the command line.
pub(super) fn size(text: &str) -> Result<Bytes, Misuse> {
    config::parse_size(text).map_err(|error| Misuse(format!("{text:?} is no size: {error}")))
}

/// Tells what is being done: each new thing, and each GiB.
pub(super) fn progress() -> impl FnMut(Step) {
    let mut last = None;
    move |step| {
        let (what, so_far) = match step {
            Step::Compressing => ("looking whether the drive compresses", None),
            Step::Marking => ("writing filemarks", None),
            Step::Writing(bytes) => ("writing", Some(bytes.0 >> 30)),
            Step::Reading(bytes) => ("reading", Some(bytes.0 >> 30)),
            Step::Locating(_) => ("going to and fro", None),
        };
        if last.replace((what, so_far)) != Some((what, so_far)) {
            let amount = so_far.filter(|gib| *gib > 0).map(|gib| format!(", {gib} GiB so far"));
            print::remark(&format!("{what}{}", amount.unwrap_or_default()));
        }
    }
}

/// `lto8`, for what is in the drive.
fn generation(tape: &mut Tape) -> anyhow::Result<String> {
    let memory = tape.cartridge()?.memory;
    let format = memory.formatted_as.or(memory.made_for).and_then(density);
    let name = format.map_or("measured", |format| format.name);
    let plain = name.chars().filter(char::is_ascii_alphanumeric);
    Ok(plain.map(|c| c.to_ascii_lowercase()).collect())
}

fn text(measured: &Measured, name: &str) -> String {
    let Measured { written, block, time, speed, mark_time, .. } = measured;
    let mut text = format!(
        "{written} of noise in blocks of {} took {} ms, with {} ms at the end in which the drive only stops and marks: \
         {speed} a second without these\n",
        block.bytes(),
        time.as_millis(),
        mark_time.as_millis().min(time.as_millis())
    );
    text.push_str(&match measured.capacity {
        Capacity::Written(holds) => format!("the drive warned of the end after {holds}\n"),
        Capacity::Reckoned(holds) => format!("by the drive's count of its room {holds} go in\n"),
        Capacity::Unknown => {
            "how much goes in cannot be told from so little: write more (--bytes), or all\n"
                .to_owned()
        }
    });
    let millis = mark_time.as_millis();
    text.push_str(&match measured.mark {
        Some(Bytes(0)) => {
            format!("a filemark takes less than 1 KiB, and {millis} ms if it is waited for\n")
        }
        Some(mark) => format!("a filemark takes {mark}, and {millis} ms if it is waited for\n"),
        None => format!("a filemark takes {millis} ms if it is waited for\n"),
    });
    text.push_str(match measured.compresses {
        Compresses::Yes => "the drive compresses\n\n",
        Compresses::No => "the drive does not compress\n\n",
    });
    text + &section(measured, name)
}

/// The section for the configuration. Sizes are rounded down: a volume is never promised more than it holds.
fn section(measured: &Measured, name: &str) -> String {
    let mut text = format!("[tapetype.{name}]\n");
    if let Capacity::Written(holds) | Capacity::Reckoned(holds) = measured.capacity {
        text.push_str(&format!("length = \"{} MB\"\n", holds.0 / 1_000_000));
    }
    text.push_str(&format!("blocksize = \"{} KiB\"\n", measured.block.bytes().0 >> 10));
    if let Some(mark) = measured.mark {
        text.push_str(&format!("filemark = \"{} KiB\"\n", mark.0.div_ceil(1 << 10).max(1)));
    }
    text.push_str(&format!("speed = \"{} MB/s\"\n", (measured.speed.0 / 1_000_000).max(1)));
    text.push_str(match measured.compresses {
        Compresses::Yes => "compression = true\n",
        Compresses::No => "compression = false\n",
    });
    text
}

fn value(measured: &Measured, drive: &str, name: &str) -> serde_json::Value {
    let (capacity, how) = match measured.capacity {
        Capacity::Written(holds) => (Some(holds), Some("written")),
        Capacity::Reckoned(holds) => (Some(holds), Some("reckoned")),
        Capacity::Unknown => (None, None),
    };
    json!({
        "drive": drive, "blocksize": measured.block.bytes(), "written": measured.written,
        "milliseconds": u64::try_from(measured.time.as_millis()).unwrap_or(u64::MAX),
        "bytes_per_second": measured.speed, "capacity": capacity, "capacity_was": how,
        "filemark": measured.mark,
        "filemark_milliseconds": u64::try_from(measured.mark_time.as_millis()).unwrap_or(u64::MAX),
        "compresses": measured.compresses == Compresses::Yes, "section": section(measured, name),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use types::BlockSize;

    use super::*;

    fn measured() -> Measured {
        Measured {
            block: BlockSize::TAPE,
            written: Bytes(20_000_000_000),
            time: Duration::from_secs(56),
            capacity: Capacity::Reckoned(Bytes(12_001_999_999_999)),
            speed: Bytes(357_142_857),
            mark: Some(Bytes(0)),
            mark_time: Duration::from_millis(2100),
            compresses: Compresses::No,
        }
    }

    #[test]
    fn the_section_promises_no_more_than_was_found() {
        assert_eq!(
            section(&measured(), "lto8"),
            "[tapetype.lto8]\nlength = \"12001999 MB\"\nblocksize = \"512 KiB\"\nfilemark = \"1 KiB\"\nspeed = \"357 \
             MB/s\"\ncompression = false\n"
        );
    }

    #[test]
    fn the_section_is_one_that_the_configuration_understands() {
        let section: toml::Table = section(&measured(), "lto8").parse().unwrap();
        let length = section["tapetype"]["lto8"]["length"].as_str().unwrap();
        assert_eq!(config::parse_size(length).unwrap(), Bytes(12_001_999_000_000));
    }

    #[test]
    fn what_could_not_be_told_is_left_out() {
        let found = Measured { capacity: Capacity::Unknown, mark: None, ..measured() };
        let section = section(&found, "lto8");
        assert!(!section.contains("length") && !section.contains("filemark"), "{section}");
        assert!(text(&found, "lto8").contains("write more"));
    }
}
