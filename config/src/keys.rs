//! A table of keys reads a table of TOML.
//!
//! A [`Key`] is a name, a [`Codec`] and the place in a draft where the value goes. Reading a section makes
//! a list of [`Change`]s and complains about whatever else stands there. Changes are kept, not only carried
//! out, so that a dumptype can hand its own to those that inherit from it.

use std::rc::Rc;

use toml::de::DeTable;

use crate::codec::Codec;
use crate::retired;
use crate::shown::Shown;
use crate::suggest;
use crate::value::{At, Bad, Fault, Value};

/// Sets one value of a draft.
pub(crate) type Change<S> = Rc<dyn Fn(&mut S)>;

type Read<S> = Box<dyn Fn(Value<'_>) -> Result<Change<S>, Bad>>;

/// One key of a section.
pub(crate) struct Key<S> {
    pub(crate) name: &'static str,
    read: Read<S>,
    show: Box<dyn Fn(&mut S) -> Shown>,
}

/// A key whose value goes where `place` says.
pub(crate) fn key<S: 'static, C: Codec>(
    name: &'static str,
    codec: C,
    place: fn(&mut S) -> &mut C::Value,
) -> Key<S> {
    let codec = Rc::new(codec);
    let reader = Rc::clone(&codec);
    Key {
        name,
        read: Box::new(move |value| {
            let read = reader.read(value)?;
            Ok(Rc::new(move |draft: &mut S| *place(draft) = read.clone()))
        }),
        show: Box::new(move |draft| codec.show(place(draft))),
    }
}

/// A key whose value is a list: `[…]` replaces what was inherited, `{ append = […] }` adds to it.
pub(crate) fn list<S: 'static, C: Codec>(
    name: &'static str,
    codec: C,
    place: fn(&mut S) -> &mut Vec<C::Value>,
) -> Key<S> {
    let codec = Rc::new(crate::codec::List(codec));
    let reader = Rc::clone(&codec);
    let read = move |value: Value<'_>| -> Result<Change<S>, Bad> {
        let Some(table) = value.table() else {
            let read = reader.read(value)?;
            return Ok(Rc::new(move |draft: &mut S| *place(draft) = read.clone()));
        };
        match table.iter().next() {
            Some((word, more)) if table.len() == 1 && word.get_ref() == "append" => {
                let read = reader.read(Value::new(value.file, more))?;
                Ok(Rc::new(move |draft: &mut S| place(draft).extend(read.iter().cloned())))
            }
            _ => {
                Err(value.bad("a list, or { append = [ ] } to add to what is inherited, is wanted"))
            }
        }
    };
    Key { name, read: Box::new(read), show: Box::new(move |draft| codec.show(place(draft))) }
}

impl<S: 'static> Key<S> {
    /// The same key for a draft that contains this one.
    pub(crate) fn within<O: 'static>(self, place: fn(&mut O) -> &mut S) -> Key<O> {
        let Self { name, read, show } = self;
        Key {
            name,
            read: Box::new(move |value| {
                let change = read(value)?;
                Ok(Rc::new(move |draft: &mut O| change(place(draft))))
            }),
            show: Box::new(move |draft| show(place(draft))),
        }
    }

    pub(crate) fn show(&self, draft: &mut S) -> Shown {
        (self.show)(draft)
    }
}

/// A value that was set in a section.
pub(crate) struct Set<S> {
    pub(crate) key: &'static str,
    /// Where the value stands.
    pub(crate) at: At,
    pub(crate) change: Change<S>,
}

impl<S> Clone for Set<S> {
    fn clone(&self) -> Self {
        Self { key: self.key, at: self.at.clone(), change: Rc::clone(&self.change) }
    }
}

/// What a table says.
pub(crate) struct Said<S> {
    /// What it sets.
    pub(crate) sets: Vec<Set<S>>,
    /// Keys whose values could not be read.
    pub(crate) failed: Vec<&'static str>,
    /// What is wrong with it.
    pub(crate) faults: Vec<Fault>,
}

/// The keys of a section.
pub(crate) struct Keys<S>(pub(crate) Vec<Key<S>>);

impl<S: 'static> Keys<S> {
    /// Reads what a table sets, and says what is wrong with the rest. `section` is how the table is called
    /// in complaints, and `others` says in which sections a key has its place.
    pub(crate) fn read(
        &self,
        file: usize,
        table: &DeTable<'_>,
        section: &str,
        others: &dyn Fn(&str) -> Option<String>,
    ) -> Said<S> {
        let (mut sets, mut failed, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in table {
            let Some(key) = self.0.iter().find(|key| key.name == name.get_ref()) else {
                faults.push(self.unknown(file, name, section, others));
                continue;
            };
            let value = Value::new(file, value);
            match (key.read)(value) {
                Ok(change) => sets.push(Set { key: key.name, at: value.at(), change }),
                Err(Bad(bad)) => {
                    failed.push(key.name);
                    faults.extend(bad.into_iter().map(|fault| Fault {
                        message: format!("{}: {}", key.name, fault.message),
                        ..fault
                    }));
                }
            }
        }
        Said { sets, failed, faults }
    }

    fn unknown(
        &self,
        file: usize,
        name: &toml::Spanned<toml::de::DeString<'_>>,
        section: &str,
        others: &dyn Fn(&str) -> Option<String>,
    ) -> Fault {
        let word: String = name.get_ref().chars().take(80).collect();
        let at = At { file, span: name.span() };
        let names: Vec<&str> = self.0.iter().map(|key| key.name).collect();
        let like_amanda = word.to_ascii_lowercase().replace('_', "-");
        let suggestion = if names.contains(&like_amanda.as_str()) {
            Some(format!("did you mean {like_amanda:?}?"))
        } else if let Some(advice) = retired::advice(&like_amanda) {
            Some(advice.to_owned())
        } else if let Some(place) = others(&like_amanda) {
            Some(place)
        } else {
            suggest::did_you_mean(&word, &names)
        };
        Fault { at, message: format!("unknown key {word:?} in {section}"), suggestion }
    }
}

impl<S: Default + 'static> Keys<S> {
    /// Reads a table in braces.
    pub(crate) fn read_table(&self, value: Value<'_>, table: &DeTable<'_>) -> Result<S, Bad> {
        let Said { sets, faults, .. } = self.read(value.file, table, "this table", &|_| None);
        if !faults.is_empty() {
            return Err(Bad(faults));
        }
        let mut read = S::default();
        for set in sets {
            (set.change)(&mut read);
        }
        Ok(read)
    }
}
