//! What a restore would read, as `restore --dry-run` and the shell's `plan` show it.

use taper::catalogue::{Copy, Located};
use types::{Bytes, Label};

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
