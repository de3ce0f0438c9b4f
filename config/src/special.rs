//! Kinds of values that occur once: Amanda's special spellings, and what is ours alone.

use std::time::Duration;

use types::{BlockSize, Bytes, Stamp};

use crate::codec::{Codec, Count, Days, Spotted, Word, Words, maybe, seconds, size};
use crate::keys::{Key, Keys, key};
use crate::model::{
    DumpOrder, EstimateLimit, Levels, RunsPerCycle, Selection, TimeOfDay, UseSpace,
};
use crate::shown::Shown;
use crate::units;
use crate::value::{Bad, Spot, Value};

/// A letter for each dumper, `sSTTTT`.
pub(crate) struct DumpOrders;

impl Codec for DumpOrders {
    type Value = Vec<DumpOrder>;

    fn read(&self, value: Value<'_>) -> Result<Vec<DumpOrder>, Bad> {
        let text = Word.read(value)?;
        let letter = |c: char| {
            DumpOrder::WORDS.iter().find(|(word, _)| word.starts_with(c)).map(|(_, order)| *order)
        };
        let wrong = text.chars().find(|c| letter(*c).is_none());
        match wrong {
            Some(wrong) => {
                Err(value.bad(format!("{wrong:?} is no letter of a dump order")).suggest(
                    "s S: size, t T: time, b B: bandwidth; capitals mean the greatest".to_owned(),
                ))
            }
            None => Ok(text.chars().filter_map(letter).collect()),
        }
    }

    fn show(&self, value: &Vec<DumpOrder>) -> Shown {
        Shown::Text(value.iter().map(|order| order.word()).collect())
    }
}

/// `low`, `medium`, `high` or a whole number.
pub(crate) struct Priority;

const PRIORITIES: &[(&str, i32)] = &[("low", 0), ("medium", 1), ("high", 2)];

impl Codec for Priority {
    type Value = i32;

    fn read(&self, value: Value<'_>) -> Result<i32, Bad> {
        match value.whole().map(i32::try_from) {
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(value.bad(format!("{} is out of all proportion", value.named()))),
            None => Words::new(PRIORITIES).read(value),
        }
    }

    fn show(&self, value: &i32) -> Shown {
        let word = PRIORITIES.iter().find(|(_, priority)| priority == value);
        word.map_or(Shown::Whole(i64::from(*value)), |(word, _)| Shown::from(*word))
    }
}

/// A number of runs; 0 one a day, -1 guessed.
pub(crate) struct Runs;

impl Codec for Runs {
    type Value = RunsPerCycle;

    fn read(&self, value: Value<'_>) -> Result<RunsPerCycle, Bad> {
        match value.whole().map(|runs| (runs, u32::try_from(runs))) {
            Some((-1, _)) => Ok(RunsPerCycle::Guess),
            Some((0, _)) => Ok(RunsPerCycle::Daily),
            Some((_, Ok(runs))) => Ok(RunsPerCycle::Runs(runs)),
            _ => Err(value.wanted("a number of runs, 0 for one a day or -1 to guess")),
        }
    }

    fn show(&self, value: &RunsPerCycle) -> Shown {
        Shown::Whole(match value {
            RunsPerCycle::Guess => -1,
            RunsPerCycle::Daily => 0,
            RunsPerCycle::Runs(runs) => i64::from(*runs),
        })
    }
}

/// A time; negative for all estimates of a host together.
pub(crate) struct EstimateTime;

impl Codec for EstimateTime {
    type Value = EstimateLimit;

    fn read(&self, value: Value<'_>) -> Result<EstimateLimit, Bad> {
        let seconds = seconds(value, true)?;
        let limit = Duration::from_secs(seconds.unsigned_abs());
        match seconds {
            0 => Err(value.bad("no estimate is done in no time")),
            1.. => Ok(EstimateLimit::Each(limit)),
            _ => Ok(EstimateLimit::Host(limit)),
        }
    }

    fn show(&self, value: &EstimateLimit) -> Shown {
        Shown::Text(match value {
            EstimateLimit::Each(limit) => units::time_text(*limit),
            EstimateLimit::Host(limit) => format!("-{}", units::time_text(*limit)),
        })
    }
}

/// Space on a file system: 0 all, negative all but that.
pub(crate) struct Space;

impl Codec for Space {
    type Value = UseSpace;

    fn read(&self, value: Value<'_>) -> Result<UseSpace, Bad> {
        let bytes = size(value, true)?;
        let amount = Bytes(bytes.unsigned_abs());
        Ok(match bytes {
            0 => UseSpace::All,
            1.. => UseSpace::UpTo(amount),
            _ => UseSpace::AllBut(amount),
        })
    }

    fn show(&self, value: &UseSpace) -> Shown {
        match value {
            UseSpace::All => Shown::Whole(0),
            UseSpace::UpTo(bytes) => Shown::Text(units::size_text(bytes.0)),
            UseSpace::AllBut(bytes) => Shown::Text(format!("-{}", units::size_text(bytes.0))),
        }
    }
}

/// A time of the day: `"22:30"`, or Amanda's 2230.
pub(crate) struct StartTime;

impl Codec for StartTime {
    type Value = Option<TimeOfDay>;

    fn read(&self, value: Value<'_>) -> Result<Option<TimeOfDay>, Bad> {
        let text = value.text().map(str::to_owned).or_else(|| value.datetime());
        let fields = match (&text, value.whole()) {
            (_, Some(0)) => return Ok(None),
            (_, Some(number)) => Some((number / 100, number % 100)),
            (Some(text), None) => clock(text),
            (None, None) => None,
        };
        let time = fields.and_then(|(hour, minute)| {
            let (hour, minute) = (u8::try_from(hour).ok()?, u8::try_from(minute).ok()?);
            (hour < 24 && minute < 60).then_some(TimeOfDay { hour, minute })
        });
        match time {
            Some(time) => Ok(Some(time)),
            None => {
                Err(value.wanted("a time of the day").suggest("write it like \"22:30\"".to_owned()))
            }
        }
    }

    fn show(&self, value: &Option<TimeOfDay>) -> Shown {
        match value {
            Some(TimeOfDay { hour, minute }) => Shown::Text(format!("{hour:02}:{minute:02}")),
            None => Shown::Whole(0),
        }
    }
}

/// `22:30`, `22:30:00` or `2230` as hour and minute.
fn clock(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    let text = text.strip_suffix(":00").filter(|t| t.contains(':')).unwrap_or(text);
    let (hour, minute) =
        text.split_once(':').or_else(|| text.split_at_checked(text.len().checked_sub(2)?))?;
    let digits =
        |t: &str| (t.len() <= 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse().ok());
    Some((digits(hour)??, digits(minute)??))
}

/// One ratio for fulls and one for incrementals, or one for both.
pub(crate) struct Ratios;

impl Codec for Ratios {
    type Value = (f64, f64);

    fn read(&self, value: Value<'_>) -> Result<(f64, f64), Bad> {
        let ratios: Vec<f64> = match value.text() {
            Some(text) => text.split(',').filter_map(|part| part.trim().parse().ok()).collect(),
            None => value.elements().iter().filter_map(Value::number).collect(),
        };
        match ratios.as_slice() {
            [both] => Ok((*both, *both)),
            [full, incremental] => Ok((*full, *incremental)),
            _ => Err(value.bad("one ratio is wanted, or a list of two")),
        }
        .and_then(|(full, incremental)| {
            let sound = |ratio: f64| ratio > 0.0 && ratio <= 1.1;
            if sound(full) && sound(incremental) {
                Ok((full, incremental))
            } else {
                let message = "a ratio is stored size by raw size: more than 0 and at most 1.1";
                Err(value.bad(message).suggest("write 0.5 for half".to_owned()))
            }
        })
    }

    fn show(&self, value: &(f64, f64)) -> Shown {
        Shown::List(vec![Shown::Number(value.0), Shown::Number(value.1)])
    }
}

/// The size of a block.
pub(crate) struct Block;

impl Codec for Block {
    type Value = BlockSize;

    fn read(&self, value: Value<'_>) -> Result<BlockSize, Bad> {
        let bytes = u64::try_from(size(value, false)?).unwrap_or(0);
        BlockSize::new(bytes).ok_or_else(|| {
            value
                .bad(format!("{} cannot be a block's size", value.named()))
                .suggest("use 32 KiB to 8 MiB, whole KiB; \"512 KiB\" suits tapes".to_owned())
        })
    }

    fn show(&self, value: &BlockSize) -> Shown {
        Shown::Text(units::size_text(value.bytes().0))
    }
}

/// A zstd level.
pub(crate) struct Compression;

impl Codec for Compression {
    type Value = i32;

    fn read(&self, value: Value<'_>) -> Result<i32, Bad> {
        let level = value.whole().and_then(|level| i32::try_from(level).ok());
        level.filter(|level| *level != 0 && (-7..=19).contains(level)).ok_or_else(|| {
            value.wanted("a zstd level from 1 to 19, or from -1 to -7,").suggest(
                "1 is fast, 3 the default, 19 the smallest; -7 costs next to nothing".to_owned(),
            )
        })
    }

    fn show(&self, value: &i32) -> Shown {
        Shown::Whole(i64::from(*value))
    }
}

/// A switch that has only one position.
pub(crate) struct Always(pub(crate) &'static str);

impl Codec for Always {
    type Value = ();

    fn read(&self, value: Value<'_>) -> Result<(), Bad> {
        match value.boolean() {
            Some(true) => Ok(()),
            _ => Err(value.bad(self.0).suggest("leave it out".to_owned())),
        }
    }

    fn show(&self, (): &()) -> Shown {
        Shown::Flag(true)
    }
}

/// A day: `2030-01-31`, with or without quotation marks.
pub(crate) struct Day;

impl Codec for Day {
    type Value = Stamp;

    fn read(&self, value: Value<'_>) -> Result<Stamp, Bad> {
        let text = value.datetime().or_else(|| value.text().map(str::to_owned)).unwrap_or_default();
        let digits = text.replace('-', "");
        let shaped = text.len() == 10 && digits.len() == 8;
        let stamp: Option<Stamp> = shaped.then(|| format!("{digits}000000").parse().ok()).flatten();
        stamp.filter(|stamp| is_real(*stamp)).ok_or_else(|| value.wanted("a day like 2030-01-31"))
    }

    fn show(&self, value: &Stamp) -> Shown {
        Shown::Text(value.day())
    }
}

/// Whether the calendar has that day.
fn is_real(stamp: Stamp) -> bool {
    let [year, month, day, ..] = stamp.fields();
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    day <= last
}

/// A pattern of names, as the agent understands it.
pub(crate) struct Pattern {
    /// Whether what matches is left out.
    pub(crate) excludes: bool,
}

impl Codec for Pattern {
    type Value = String;

    fn read(&self, value: Value<'_>) -> Result<String, Bad> {
        let text = Word.read(value)?;
        if self.excludes && ["*", "**", ".", "./", "/", "./*", "./**"].contains(&text.as_str()) {
            return Err(value.bad(format!("{text:?} leaves out everything")));
        }
        match globset::GlobBuilder::new(&text).backslash_escape(true).build() {
            Ok(_) => Ok(text),
            Err(wrong) => {
                let message = format!("{text:?} is not a pattern: {}", wrong.kind());
                Err(value
                    .bad(message)
                    .suggest("a backslash takes the next character as it stands".to_owned()))
            }
        }
    }

    fn show(&self, value: &String) -> Shown {
        Shown::Text(value.clone())
    }
}

/// The name of a file, without directories.
pub(crate) struct FileName;

impl Codec for FileName {
    type Value = String;

    fn read(&self, value: Value<'_>) -> Result<String, Bad> {
        let text = Word.read(value)?;
        match text.as_str() {
            "." | ".." => Err(value.wanted("the name of a file")),
            _ if text.contains('/') => Err(value.bad("the name of a file has no slashes")),
            _ => Ok(text),
        }
    }

    fn show(&self, value: &String) -> Shown {
        Shown::Text(value.clone())
    }
}

/// A key that has to be there, and whether it is.
type Required<S> = (&'static str, fn(&S) -> bool);

/// A table of its own.
pub(crate) struct Inline<S> {
    pub(crate) keys: fn() -> Vec<Key<S>>,
    /// What has to be there.
    pub(crate) required: Option<Required<S>>,
}

impl<S: Default + Clone + 'static> Codec for Inline<S> {
    type Value = S;

    fn read(&self, value: Value<'_>) -> Result<S, Bad> {
        let Some(table) = value.table() else {
            return Err(value.wanted("a table in braces"));
        };
        let read = Keys((self.keys)()).read_table(value, table)?;
        match self.required {
            Some((missing, is_there)) if !is_there(&read) => {
                Err(value.bad(format!("the key {missing:?} is missing")))
            }
            _ => Ok(read),
        }
    }

    fn show(&self, value: &S) -> Shown {
        let mut value = value.clone();
        let shown = Keys((self.keys)())
            .0
            .iter()
            .map(|key| (key.name.into(), key.show(&mut value)))
            .collect::<Vec<_>>();
        Shown::Table(shown.into_iter().filter(|(_, shown)| *shown != Shown::Absent).collect())
    }
}

/// `{ tag = "db", level = "full" }`
pub(crate) fn selection() -> Inline<Selection> {
    const LEVELS: &[(&str, Levels)] =
        &[("all", Levels::All), ("full", Levels::Full), ("incr", Levels::Incremental)];
    Inline {
        keys: || {
            vec![
                key("tag", maybe(Word), |s: &mut Selection| &mut s.tag),
                key("level", Words::new(LEVELS), |s| &mut s.levels),
            ]
        },
        required: None,
    }
}

/// `{ storage = "offsite", days = 3 }` before the storage is looked up.
#[derive(Clone, Default)]
pub(crate) struct VaultDraft {
    pub(crate) storage: Option<Spot<String>>,
    pub(crate) days: u32,
}

/// Where copies go.
pub(crate) fn vault() -> Inline<VaultDraft> {
    Inline {
        keys: || {
            vec![
                key("storage", maybe(Spotted(Word)), |v: &mut VaultDraft| &mut v.storage),
                key("days", CountOrDays, |v| &mut v.days),
            ]
        },
        required: Some(("storage", |vault| vault.storage.is_some())),
    }
}

/// Days as a plain number or with the unit: for keys that have "days" in their name.
pub(crate) struct CountOrDays;

impl Codec for CountOrDays {
    type Value = u32;

    fn read(&self, value: Value<'_>) -> Result<u32, Bad> {
        match value.text() {
            Some(_) => Days.read(value),
            None => Count(0..=100_000).read(value),
        }
    }

    fn show(&self, value: &u32) -> Shown {
        Shown::from(*value)
    }
}
