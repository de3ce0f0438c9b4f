//! One value of a file, with its place, and what may be wrong with it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// Which file.
    pub(crate) file: usize,
    /// Which bytes of it.
    pub(crate) span: Range<usize>,
}

/// Something that was written, and where.
#[derive(Clone, Debug)]
pub(crate) struct Spot<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

/// What is wrong with a value; a list may have several things wrong.
#[derive(Debug)]
pub(crate) struct Bad(pub(crate) Vec<Fault>);

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: At,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

impl Bad {
    pub(crate) fn suggest(mut self, suggestion: impl Into<Option<String>>) -> Self {
        if let (Some(fault), Some(suggestion)) = (self.0.last_mut(), suggestion.into()) {
            fault.suggestion = Some(suggestion);
        }
        self
    }
}

/// One value of a file.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) file: usize,
    inner: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    pub(crate) fn new(file: usize, inner: &'a Spanned<DeValue<'a>>) -> Self {
        Self { file, inner }
    }

    pub(crate) fn at(&self) -> At {
        At { file: self.file, span: self.inner.span() }
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        self.inner.get_ref().as_str()
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        self.inner.get_ref().as_bool()
    }

    /// A whole number, if it is one and fits.
    pub(crate) fn whole(&self) -> Option<i64> {
        let whole = self.inner.get_ref().as_integer()?;
        i64::from_str_radix(whole.as_str(), whole.radix()).ok()
    }

    /// Any finite number.
    pub(crate) fn number(&self) -> Option<f64> {
        let number = match self.inner.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok()?,
            DeValue::Integer(_) => self.whole()? as f64,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A date or a time of TOML's, as it is written.
    pub(crate) fn datetime(&self) -> Option<String> {
        self.inner.get_ref().as_datetime().map(ToString::to_string)
    }

    pub(crate) fn table(&self) -> Option<&'a DeTable<'a>> {
        self.inner.get_ref().as_table()
    }

    /// The elements of a list. One value alone is a list of one.
    pub(crate) fn elements(&self) -> Vec<Self> {
        match self.inner.get_ref().as_array() {
            Some(array) => array.iter().map(|inner| Self { file: self.file, inner }).collect(),
            None => vec![*self],
        }
    }

    /// The value as a person would name it.
    pub(crate) fn named(&self) -> String {
        match self.inner.get_ref() {
            DeValue::String(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
            DeValue::Integer(whole) => whole.to_string(),
            DeValue::Float(float) => float.to_string(),
            DeValue::Boolean(boolean) => boolean.to_string(),
            DeValue::Datetime(datetime) => datetime.to_string(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }

    pub(crate) fn bad(&self, message: impl Into<String>) -> Bad {
        Bad(vec![Fault { at: self.at(), message: message.into(), suggestion: None }])
    }

    /// Complains that something else is wanted.
    pub(crate) fn wanted(&self, what: &str) -> Bad {
        self.bad(format!("{what} is wanted, not {}", self.named()))
    }
}
