//! Words of the trade as columns, and back.
//!
//! What has a checked text form is stored as that text and checked again when it is read, so a damaged row is an
//! error and not a wrong value.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::{Type, ValueRef};
use types::{Bytes, Level};

/// Column `name` as what its text says.
pub(super) fn get<T>(row: &Row<'_>, name: &str) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(name)?;
    text.parse().map_err(|error| damaged(row, name, error))
}

/// Column number `at` as what its text says: where many rows are read, names take longer than the rows.
pub(super) fn get_at<T>(row: &Row<'_>, at: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = row.get_ref(at)?.as_str()?;
    text.parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
}

/// The same where the column may be empty.
pub(super) fn get_maybe_at<T>(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.get_ref(at)? {
        ValueRef::Null => Ok(None),
        _ => get_at(row, at).map(Some),
    }
}

/// The same where the column may be empty.
pub(super) fn get_maybe<T>(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: Option<String> = row.get(name)?;
    text.map(|text| text.parse().map_err(|error| damaged(row, name, error))).transpose()
}

/// Column `name` as a number of whatever width.
pub(super) fn number<T: TryFrom<i64>>(row: &Row<'_>, name: &str) -> rusqlite::Result<T> {
    let value: i64 = row.get(name)?;
    T::try_from(value)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column(row, name), value))
}

/// The same where the column may be empty.
pub(super) fn number_maybe<T: TryFrom<i64>>(
    row: &Row<'_>,
    name: &str,
) -> rusqlite::Result<Option<T>> {
    match row.get::<_, Option<i64>>(name)? {
        Some(_) => number(row, name).map(Some),
        None => Ok(None),
    }
}

pub(super) fn bytes(row: &Row<'_>, name: &str) -> rusqlite::Result<Bytes> {
    number(row, name).map(Bytes)
}

pub(super) fn duration(row: &Row<'_>, name: &str) -> rusqlite::Result<Duration> {
    number(row, name).map(Duration::from_millis)
}

pub(super) fn level(row: &Row<'_>, name: &str) -> rusqlite::Result<Level> {
    Level::try_from(number::<u16>(row, name)?).map_err(|error| damaged(row, name, error))
}

/// The same, of column number `at`.
pub(super) fn level_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Level> {
    let number: u16 = row.get(at)?;
    Level::try_from(number).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(at, Type::Integer, Box::new(error))
    })
}

/// Column number `at` as a number that is none below zero.
pub(super) fn count_at(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(at)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, value))
}

pub(super) fn path(row: &Row<'_>, name: &str) -> rusqlite::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    row.get(name).map(|bytes| PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

pub(super) fn path_bytes(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes()
}

/// A value as its text.
pub(super) fn text(value: impl Display) -> String {
    value.to_string()
}

pub(super) fn maybe(value: Option<impl Display>) -> Option<String> {
    value.map(text)
}

/// A number as SQLite's integer; what is larger than 2^63 stays there.
pub(super) fn int(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

pub(super) fn millis(duration: Duration) -> i64 {
    int(duration.as_millis())
}

fn damaged(
    row: &Row<'_>,
    name: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column(row, name), Type::Text, Box::new(error))
}

fn column(row: &Row<'_>, name: &str) -> usize {
    row.as_ref().column_index(name).unwrap_or(usize::MAX)
}

/// A word of the catalogue that is none.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a {what}")]
pub struct BadWord {
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

/// Gives an enum of plain variants its words, for the database and for people.
macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident = $word:literal),+ $(,)?) => {
        impl $type {
            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::catalogue::sql::BadWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::catalogue::sql::BadWord { what: $what, text: text.to_owned() }),
                }
            }
        }
    };
}

pub(super) use words;
