//! How a kind of value is read and shown.
//!
//! Each codec is one row of the manual's "a number of days", "a size", "one of these words": it reads a
//! value of a file or says what is wrong with it, and shows the value so that it reads back.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use types::Bytes;

use crate::shown::Shown;
use crate::suggest;
use crate::units::{self, BadNumber};
use crate::value::{Bad, Spot, Value};

/// A kind of value.
pub(crate) trait Codec: 'static {
    /// What is read.
    type Value: Clone + 'static;

    /// Reads a value, or says what is wrong with it.
    fn read(&self, value: Value<'_>) -> Result<Self::Value, Bad>;

    /// Shows a value so that it reads back.
    fn show(&self, value: &Self::Value) -> Shown;
}

/// The complaint about a number with a unit.
pub(crate) fn number_fault(value: Value<'_>, bad: BadNumber) -> Bad {
    value.bad(bad.message).suggest(bad.suggestion)
}

/// Yes or no.
pub(crate) struct Flag;

impl Codec for Flag {
    type Value = bool;

    fn read(&self, value: Value<'_>) -> Result<bool, Bad> {
        if let Some(flag) = value.boolean() {
            return Ok(flag);
        }
        let meant = match value.text().map(str::to_ascii_lowercase).as_deref() {
            Some("1" | "y" | "yes" | "t" | "true" | "on") => Some("true"),
            Some("0" | "n" | "no" | "f" | "false" | "off") => Some("false"),
            _ => match value.whole() {
                Some(0) => Some("false"),
                Some(1) => Some("true"),
                _ => None,
            },
        };
        let suggestion =
            meant.map(|meant| format!("did you mean {meant}, without quotation marks?"));
        Err(value.wanted("true or false").suggest(suggestion))
    }

    fn show(&self, value: &bool) -> Shown {
        Shown::Flag(*value)
    }
}

/// A whole number in a range.
pub(crate) struct Count(pub(crate) RangeInclusive<u32>);

impl Codec for Count {
    type Value = u32;

    fn read(&self, value: Value<'_>) -> Result<u32, Bad> {
        let (least, most) = (*self.0.start(), *self.0.end());
        let number = value.whole().and_then(|n| u32::try_from(n).ok());
        if let Some(number) = number.filter(|n| self.0.contains(n)) {
            return Ok(number);
        }
        let what = match (least, most) {
            (least, u32::MAX) => format!("a whole number from {least}"),
            _ => format!("a whole number from {least} to {most}"),
        };
        let digits = value.text().filter(|text| text.trim().parse::<u32>().is_ok());
        let suggestion =
            digits.map(|d| format!("did you mean {}, without quotation marks?", d.trim()));
        Err(value.wanted(&what).suggest(suggestion))
    }

    fn show(&self, value: &u32) -> Shown {
        Shown::from(*value)
    }
}

/// A number in a range.
pub(crate) struct Number(pub(crate) RangeInclusive<f64>);

impl Codec for Number {
    type Value = f64;

    fn read(&self, value: Value<'_>) -> Result<f64, Bad> {
        value.number().filter(|n| self.0.contains(n)).ok_or_else(|| {
            value.wanted(&format!("a number from {} to {}", self.0.start(), self.0.end()))
        })
    }

    fn show(&self, value: &f64) -> Shown {
        Shown::Number(*value)
    }
}

/// A share in percent: `20` or `"20 %"`.
pub(crate) struct Percent(pub(crate) u32);

impl Codec for Percent {
    type Value = u32;

    fn read(&self, value: Value<'_>) -> Result<u32, Bad> {
        let text = value.text().and_then(|text| text.trim().strip_suffix('%'));
        let number = match text {
            Some(text) => text.trim().parse().ok(),
            None => value.whole().and_then(|n| u32::try_from(n).ok()),
        };
        let most = self.0;
        number.filter(|n| *n <= most).ok_or_else(|| {
            value
                .wanted(&format!("a percentage from 0 to {most}"))
                .suggest("write 20 or \"20 %\"".to_owned())
        })
    }

    fn show(&self, value: &u32) -> Shown {
        Shown::from(*value)
    }
}

/// A size with its unit.
pub(crate) struct Size(pub(crate) RangeInclusive<u64>);

impl Codec for Size {
    type Value = Bytes;

    fn read(&self, value: Value<'_>) -> Result<Bytes, Bad> {
        let bytes = Bytes(u64::try_from(size(value, false)?).unwrap_or(0));
        in_range(value, bytes, &self.0)
    }

    fn show(&self, value: &Bytes) -> Shown {
        Shown::Text(units::size_text(value.0))
    }
}

/// A size in bytes, from a text with a unit or a plain 0.
pub(crate) fn size(value: Value<'_>, below_zero: bool) -> Result<i64, Bad> {
    match (value.text(), value.whole()) {
        (Some(text), _) => units::size(text, below_zero).map_err(|bad| number_fault(value, bad)),
        (None, Some(0)) => Ok(0),
        (None, Some(number)) => {
            let bad = format!("{number} of what? A size needs a unit");
            Err(value.bad(bad).suggest(format!("did you mean \"{number} KiB\"?")))
        }
        (None, None) => Err(value.wanted("a size like \"10 GiB\"")),
    }
}

fn in_range(value: Value<'_>, bytes: Bytes, range: &RangeInclusive<u64>) -> Result<Bytes, Bad> {
    if range.contains(&bytes.0) {
        return Ok(bytes);
    }
    let [least, most] = [*range.start(), *range.end()].map(units::size_text);
    Err(if bytes.0 < *range.start() {
        value.bad(format!("{} is too little: at least {least} is wanted", value.named()))
    } else {
        value.bad(format!("{} is too much: at most {most} is wanted", value.named()))
    })
}

/// Bytes a second.
pub(crate) struct Rate;

impl Codec for Rate {
    type Value = Bytes;

    fn read(&self, value: Value<'_>) -> Result<Bytes, Bad> {
        let bytes = match (value.text(), value.whole()) {
            (Some(text), _) => units::rate(text).map_err(|bad| number_fault(value, bad))?,
            (None, Some(number)) => {
                let bad = format!("{number} of what? A rate needs a unit");
                return Err(value.bad(bad).suggest(format!("did you mean \"{number} KiB/s\"?")));
            }
            (None, None) => return Err(value.wanted("a rate like \"80 MiB/s\"")),
        };
        in_range(value, Bytes(u64::try_from(bytes).unwrap_or(0)), &(1..=u64::MAX))
    }

    fn show(&self, value: &Bytes) -> Shown {
        Shown::Text(format!("{}/s", units::size_text(value.0)))
    }
}

/// A number of days with its unit: `"7 days"`, `"1 week"` or 0.
pub(crate) struct Days;

impl Codec for Days {
    type Value = u32;

    fn read(&self, value: Value<'_>) -> Result<u32, Bad> {
        match (value.text(), value.whole()) {
            (Some(text), _) => units::days(text).map_err(|bad| number_fault(value, bad)),
            (None, Some(0)) => Ok(0),
            (None, Some(number)) => {
                let bad = format!("{number} of what? A time needs a unit");
                Err(value.bad(bad).suggest(format!("did you mean \"{number} days\"?")))
            }
            (None, None) => Err(value.wanted("a time like \"7 days\"")),
        }
    }

    fn show(&self, value: &u32) -> Shown {
        Shown::Text(units::days_text(*value))
    }
}

/// A time in seconds, with its unit; `below_zero` where Amanda gives that a meaning.
pub(crate) fn seconds(value: Value<'_>, below_zero: bool) -> Result<i64, Bad> {
    match (value.text(), value.whole()) {
        (Some(text), _) => units::time(text, below_zero).map_err(|bad| number_fault(value, bad)),
        (None, Some(number)) => {
            let bad = format!("{number} of what? A time needs a unit");
            Err(value.bad(bad).suggest(format!("did you mean \"{number} s\"?")))
        }
        (None, None) => Err(value.wanted("a time like \"30 s\"")),
    }
}

/// A time of at least a second.
pub(crate) struct Time;

impl Codec for Time {
    type Value = Duration;

    fn read(&self, value: Value<'_>) -> Result<Duration, Bad> {
        match u64::try_from(seconds(value, false)?) {
            Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
            _ => Err(value.bad("at least a second is wanted")),
        }
    }

    fn show(&self, value: &Duration) -> Shown {
        Shown::Text(units::time_text(*value))
    }
}

/// Any text.
pub(crate) struct Text;

impl Codec for Text {
    type Value = String;

    fn read(&self, value: Value<'_>) -> Result<String, Bad> {
        value.text().map(str::to_owned).ok_or_else(|| value.wanted("a text in quotation marks"))
    }

    fn show(&self, value: &String) -> Shown {
        Shown::Text(value.clone())
    }
}

/// A text with something in it, and no control characters.
pub(crate) struct Word;

impl Codec for Word {
    type Value = String;

    fn read(&self, value: Value<'_>) -> Result<String, Bad> {
        let text = Text.read(value)?;
        if text.trim().is_empty() {
            return Err(value.bad("there is nothing in it"));
        }
        if text.chars().any(char::is_control) {
            return Err(value.bad("control characters and line ends do not belong in it"));
        }
        Ok(text)
    }

    fn show(&self, value: &String) -> Shown {
        Shown::Text(value.clone())
    }
}

/// The path of a file or directory.
pub(crate) struct Path;

impl Codec for Path {
    type Value = PathBuf;

    fn read(&self, value: Value<'_>) -> Result<PathBuf, Bad> {
        let text = Text.read(value)?;
        match text.as_str() {
            "" => Err(value.bad("a path is wanted, and this is empty")),
            _ if text.contains('\0') => Err(value.bad("no path contains a zero byte")),
            "~" => Err(value.bad("a path cannot begin with \"~\": it is the shell that knows it")),
            _ if text.starts_with("~/") => Err(value
                .bad("a path cannot begin with \"~\": it is the shell that knows it")
                .suggest("write the whole path".to_owned())),
            _ => Ok(PathBuf::from(text)),
        }
    }

    fn show(&self, value: &PathBuf) -> Shown {
        Shown::Text(value.to_string_lossy().into_owned())
    }
}

/// A type of its own that is made from text.
pub(crate) struct Parsed<T> {
    pub(crate) show: fn(&T) -> String,
}

/// A type that is shown as it is read.
pub(crate) fn parsed<T: ToString>() -> Parsed<T> {
    Parsed { show: T::to_string }
}

impl<T> Codec for Parsed<T>
where
    T: FromStr<Err: std::fmt::Display> + Clone + 'static,
{
    type Value = T;

    fn read(&self, value: Value<'_>) -> Result<T, Bad> {
        Text.read(value)?.parse().map_err(|wrong: T::Err| value.bad(wrong.to_string()))
    }

    fn show(&self, value: &T) -> Shown {
        Shown::Text((self.show)(value))
    }
}

/// One of some words. Booleans stand for words where Amanda reads them so.
pub(crate) struct Words<T: 'static> {
    pub(crate) words: &'static [(&'static str, T)],
    /// What no and yes mean, if they mean anything.
    pub(crate) no_yes: Option<[T; 2]>,
}

impl<T: Copy> Words<T> {
    pub(crate) fn new(words: &'static [(&'static str, T)]) -> Self {
        Self { words, no_yes: None }
    }
}

impl<T: Copy + PartialEq + 'static> Codec for Words<T> {
    type Value = T;

    fn read(&self, value: Value<'_>) -> Result<T, Bad> {
        let flag = match value.text() {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => value.boolean(),
        };
        if let (Some(flag), Some(no_yes)) = (flag, self.no_yes) {
            return Ok(no_yes[usize::from(flag)]);
        }
        let words: Vec<&str> = self.words.iter().map(|(word, _)| *word).collect();
        let Some(text) = value.text() else {
            return Err(value.wanted("a word").suggest(suggest::choices(&words)));
        };
        match self.words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(*meaning),
            None => Err(value
                .bad(format!("{} is none of the words it may be", value.named()))
                .suggest(suggest::did_you_mean(text, &words))),
        }
    }

    fn show(&self, value: &T) -> Shown {
        let word = self.words.iter().find(|(_, meaning)| meaning == value);
        word.map_or(Shown::Absent, |(word, _)| Shown::from(*word))
    }
}

/// A list. One value alone is a list of one.
pub(crate) struct List<C>(pub(crate) C);

impl<C: Codec> Codec for List<C> {
    type Value = Vec<C::Value>;

    fn read(&self, value: Value<'_>) -> Result<Self::Value, Bad> {
        let mut list = Vec::new();
        let mut faults = Vec::new();
        for element in value.elements() {
            match self.0.read(element) {
                Ok(read) => list.push(read),
                Err(Bad(bad)) => faults.extend(bad),
            }
        }
        if faults.is_empty() { Ok(list) } else { Err(Bad(faults)) }
    }

    fn show(&self, value: &Self::Value) -> Shown {
        Shown::List(value.iter().map(|element| self.0.show(element)).collect())
    }
}

/// A value that may be absent; `absent` is the spelling of that, if it has one.
pub(crate) struct Maybe<C> {
    pub(crate) codec: C,
    pub(crate) absent: Option<i64>,
}

/// A value that may be absent, and is so only where it was not set.
pub(crate) fn maybe<C>(codec: C) -> Maybe<C> {
    Maybe { codec, absent: None }
}

/// A value for which this number means absence.
pub(crate) fn unless<C>(absent: i64, codec: C) -> Maybe<C> {
    Maybe { codec, absent: Some(absent) }
}

impl<C: Codec> Codec for Maybe<C> {
    type Value = Option<C::Value>;

    fn read(&self, value: Value<'_>) -> Result<Self::Value, Bad> {
        if self.absent.is_some() && value.whole() == self.absent {
            return Ok(None);
        }
        self.codec.read(value).map(Some)
    }

    fn show(&self, value: &Self::Value) -> Shown {
        match (value, self.absent) {
            (Some(value), _) => self.codec.show(value),
            (None, Some(absent)) => Shown::Whole(absent),
            (None, None) => Shown::Absent,
        }
    }
}

/// A value that remembers where it was written, because it has to fit others.
pub(crate) struct Spotted<C>(pub(crate) C);

impl<C: Codec> Codec for Spotted<C> {
    type Value = Spot<C::Value>;

    fn read(&self, value: Value<'_>) -> Result<Self::Value, Bad> {
        Ok(Spot { value: self.0.read(value)?, at: value.at() })
    }

    fn show(&self, value: &Self::Value) -> Shown {
        self.0.show(&value.value)
    }
}
