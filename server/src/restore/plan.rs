//! What a restore would read, as `restore --dry-run` and the shell's `plan` show it; and which volumes a person will
//! have to put in.

use std::collections::BTreeSet;

use config::{ChangerKind, Config};
use taper::catalogue::{Copy, Located};
use types::{Bytes, Label, StorageName};

use super::view::View;
use super::wish::Measure;
use crate::clock::stamp_text;
use crate::print;

/// Where a dump can be read, in words; the cheapest first.
pub fn places(located: &Located) -> Vec<String> {
    let held = located.held.iter().map(|_| "holding".to_owned());
    let complete = located.copies.iter().filter(|copy| Copy::is_complete(copy));
    let labels = complete.flat_map(|copy| copy.labels.iter().map(Label::to_string));
    held.chain(labels).collect()
}

/// The storages whose cartridges a person changes.
pub fn manual(config: &Config) -> BTreeSet<StorageName> {
    let by_hand = |kind: &ChangerKind| matches!(kind, ChangerKind::Single { .. });
    let storages = config.storages.iter().filter(|storage| by_hand(&storage.changer.kind));
    storages.map(|storage| storage.name.clone()).collect()
}

/// The volumes that a person puts in while every copy of these dumps is read, one after another. One that comes again
/// later stands there again.
pub fn by_hand<'a>(config: &Config, dumps: impl IntoIterator<Item = &'a Located>) -> Vec<Label> {
    let manual = manual(config);
    let copies = dumps.into_iter().flat_map(|located| &located.copies);
    let copies = copies.filter(|copy| copy.is_complete() && manual.contains(&copy.storage));
    let mut labels: Vec<Label> = copies.flat_map(|copy| copy.labels.iter().cloned()).collect();
    labels.dedup();
    labels
}

/// A row for each dump of the chain.
pub fn table(view: &View, measure: &Measure) -> String {
    let heading = ["RUN", "LEVEL", "ENTRIES", "FRAMES", "READ", "FROM"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    rows.extend(view.chain.iter().zip(&measure.dumps).map(|(link, measure)| {
        vec![
            stamp_text(link.dump.run),
            link.dump.level.to_string(),
            measure.entries.to_string(),
            measure.frames.to_string(),
            Bytes(measure.stored).to_string(),
            places(link).join(" "),
        ]
    }));
    print::table(&rows, &[1, 2, 3, 4])
}
