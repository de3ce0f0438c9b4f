//! Names of volumes: which are ours, and how a new one is called.
//!
//! Which labels belong to a storage is said by a regular expression, by a template in which `%` stands for
//! any digit and `!` for any letter, or by `MATCH-AUTOLABEL`: those that the autolabel template can make.

use regex::Regex;
use types::{LabelTemplate, TemplatePiece};

/// Which labels are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelRule {
    /// Those that the autolabel template can make; without autolabel, all.
    MatchAutolabel,
    /// Those that this template can make.
    Template(LabelTemplate),
    /// Those in which this regular expression is found. It was checked to compile.
    Regex(String),
}

/// How a new volume is named, and which volumes count as new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autolabel {
    /// The name.
    pub template: LabelTemplate,
    /// Label volumes whose label is not one of ours.
    pub other_config: bool,
    /// Label volumes with readable data that is no volume of this kind.
    pub non_amanda: bool,
    /// Label volumes that cannot be read.
    pub volume_error: bool,
    /// Label blank volumes.
    pub empty: bool,
    /// Label media, of those, that can be written only once.
    pub worm: bool,
}

/// The name of a first volume, in slot 1 and with a made-up barcode. `names` are those of the organisation, the
/// configuration and the storage.
pub(crate) fn example(template: &LabelTemplate, names: [&str; 3]) -> String {
    expand(template, names, |piece| match piece {
        TemplatePiece::Digits { width } | TemplatePiece::Slot { width } => {
            format!("{:0width$}", 1)
        }
        TemplatePiece::Letters { width } => "A".repeat(*width),
        TemplatePiece::Text(text) => text.clone(),
        _ => "BAR001L8".to_owned(),
    })
}

/// A regular expression of all names that a template can make.
fn pattern(template: &LabelTemplate, names: [&str; 3]) -> String {
    let names = names.map(regex::escape);
    let body = expand(template, names.each_ref().map(String::as_str), |piece| match piece {
        TemplatePiece::Text(text) => regex::escape(text),
        TemplatePiece::Digits { width } => format!("[0-9]{{{width}}}"),
        TemplatePiece::Slot { .. } => "[0-9]+".to_owned(),
        TemplatePiece::Letters { width } => format!("[A-Za-z]{{{width}}}"),
        _ => ".+".to_owned(),
    });
    format!("^{body}$")
}

fn expand(
    template: &LabelTemplate,
    [org, config, storage]: [&str; 3],
    other: impl Fn(&TemplatePiece) -> String,
) -> String {
    let expand = |piece: &TemplatePiece| match piece {
        TemplatePiece::Org => org.to_owned(),
        TemplatePiece::Config => config.to_owned(),
        TemplatePiece::Storage => storage.to_owned(),
        piece => other(piece),
    };
    template.pieces().iter().map(expand).collect()
}

impl LabelRule {
    /// Whether the labels that a template makes are ours, as far as its `example` shows.
    pub(crate) fn admits(&self, template: &LabelTemplate, names: [&str; 3], example: &str) -> bool {
        let pattern = match self {
            Self::MatchAutolabel => return true,
            Self::Template(rule) if rule == template => return true,
            Self::Template(rule) => pattern(rule, names),
            Self::Regex(regex) => regex.clone(),
        };
        Regex::new(&pattern).is_ok_and(|regex| regex.is_match(example))
    }
}
