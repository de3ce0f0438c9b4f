//! `find`: entries in all dumps, path by path, also those that are gone.

use std::ffi::OsString;

use format::index::RecordKind;
use serde_json::json;
use taper::catalogue::{Catalogue, Filter, Located};
use types::{Bytes, DleRef};

use super::{Context, Exit, Misuse, restore};
use crate::cli::Find;
use crate::clock::{stamp_text, unix_text};
use crate::night::estimate::with_causes;
use crate::pattern::Patterns;
use crate::restore::everywhere::{Everywhere, Found};
use crate::restore::plan::places;
use crate::site::Site;
use crate::{print, store};

pub(super) fn run(context: &Context, arguments: &Find) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let (dles, words) = selected(restore::known_dles(&site, &catalogue)?, &arguments.words);
    let patterns = Patterns::anywhere(words.iter().map(AsRef::as_ref))
        .map_err(|error| Misuse(error.to_string()))?;
    let mut list = print::Rows::begin(context.json)?;
    let mut complaints = 0;
    let mut found = false;
    for dle in &dles {
        let search = Search::of(&site, &catalogue, dle)?;
        complaints += search.unread;
        let mut paths = Everywhere::new(&search.indexes);
        for path in paths.by_ref() {
            if path.first().is_none_or(|first| !patterns.matches(&first.record.path)) {
                continue;
            }
            for one in path {
                found = true;
                let located = &search.dumps[one.dump];
                list.row(|| search.text(located, &one), || value(located, &one))?;
            }
        }
        for (dump, error) in paths.broken() {
            complaints += 1;
            not_searched("not searched to the end", &site, &search.dumps[dump], error);
        }
    }
    list.end()?;
    if !found {
        let given = patterns.given().collect::<Vec<_>>().join(" ");
        print::remark(&format!("no dump has an entry that matches {given}"));
    }
    Ok(if complaints == 0 { Exit::Good } else { Exit::Complaints })
}

/// The DLEs that the first words name, and the words that are left. The last word is always a pattern.
fn selected(mut dles: Vec<DleRef>, mut words: &[OsString]) -> (Vec<DleRef>, &[OsString]) {
    for is in [
        |dle: &DleRef, word: &OsString| word == dle.host.as_str(),
        |dle: &DleRef, word: &OsString| word == dle.dle.as_str(),
    ] {
        let [word, rest @ ..] = words else { break };
        if !rest.is_empty() && dles.iter().any(|dle| is(dle, word)) {
            dles.retain(|dle| is(dle, word));
            words = rest;
        }
    }
    (dles, words)
}

/// The dumps of a DLE, the oldest first, with their indexes.
struct Search {
    dumps: Vec<Located>,
    /// A DLE can have more dumps than a process may have files open.
    indexes: Vec<format::index::Reader<store::OnDemand>>,
    /// How many have an index that can't be read.
    unread: usize,
    /// How wide the widest list of places is.
    width: usize,
}

impl Search {
    fn of(site: &Site, catalogue: &Catalogue, dle: &DleRef) -> anyhow::Result<Self> {
        let mut search = Self { dumps: Vec::new(), indexes: Vec::new(), unread: 0, width: 0 };
        let mut dumps = catalogue.dumps(&Filter::of(dle))?;
        dumps.retain(Located::is_restorable);
        dumps.sort_by_key(|located| located.dump.run);
        for located in dumps {
            match store::open_on_demand(&site.config.site.indexdir, located.dump.id) {
                Ok(index) => {
                    search.width = search.width.max(places(&located).join(" ").len());
                    search.indexes.push(index);
                    search.dumps.push(located);
                }
                Err(error) => {
                    search.unread += 1;
                    not_searched("not searched", site, &located, &error);
                }
            }
        }
        Ok(search)
    }

    fn text(&self, located: &Located, found: &Found) -> String {
        let dump = &located.dump;
        let record = &found.record;
        let gone = record.kind == RecordKind::Gone;
        let size = if record.kind == RecordKind::File {
            Bytes(record.size).to_string()
        } else {
            "-".to_owned()
        };
        let mtime = if gone { "-".to_owned() } else { unix_text(record.mtime.seconds) };
        format!(
            "{}  {}  {}  level {}  {:<9}  {size:>10}  {mtime:<19}  {:<width$}  {}",
            stamp_text(dump.run),
            dump.dle.host,
            dump.dle.dle,
            dump.level,
            print::kind(record.kind),
            places(located).join(" "),
            print::path(&record.path),
            width = self.width,
        )
    }
}

/// Says of which dump an index could not be read, and which file that is.
fn not_searched(what: &str, site: &Site, located: &Located, error: &dyn std::error::Error) {
    let dump = &located.dump;
    print::remark(&format!(
        "{what}: level {} of {}, run {}: its index {}: {}. `reelkeep catalogue rebuild` makes it again from the volumes",
        dump.level,
        dump.dle,
        stamp_text(dump.run),
        store::index_path(&site.config.site.indexdir, dump.id).display(),
        with_causes(error)
    ));
}

fn value(located: &Located, found: &Found) -> serde_json::Value {
    let dump = &located.dump;
    json!({
        "run": dump.run, "host": dump.dle.host, "dle": dump.dle.dle, "level": dump.level, "dump": dump.id,
        "path": print::path(&found.record.path), "entry": print::entry(&found.record),
        "places": places(located),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dle(host: &str, name: &str) -> DleRef {
        DleRef { host: host.parse().unwrap(), dle: name.parse().unwrap() }
    }

    #[test]
    fn the_first_words_select_and_the_last_is_a_pattern() {
        let all = [dle("db", "/srv"), dle("web", "/home"), dle("web", "/srv")];
        let cases: [(&[&str], &[usize], usize); 6] = [
            (&["x"], &[0, 1, 2], 1),
            (&["web", "x"], &[1, 2], 1),
            (&["web", "/srv", "x", "y"], &[2], 2),
            (&["/srv", "x"], &[0, 2], 1),
            (&["web"], &[0, 1, 2], 1),
            (&["db", "/home", "x"], &[0], 2),
        ];
        for (words, chosen, patterns) in cases {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let (dles, rest) = selected(all.to_vec(), &words);
            let expected: Vec<DleRef> = chosen.iter().map(|at| all[*at].clone()).collect();
            assert_eq!((dles, rest.len()), (expected, patterns), "{words:?}");
        }
    }
}
