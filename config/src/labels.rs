//! Names of volumes: which are ours, and how a new one is called.
//!
//! A template is a label with variables: `$b` the barcode, `$m` the meta label, `$o` the
//! organisation, `$c` the configuration, `$r` the storage, `$s` the slot or `$3s` the slot padded to three
//! digits. One run of `%` is a decimal counter from 1, one run of `!` counts in letters from `AAA`. A
//! template without a counter has to contain a barcode or a slot, since each volume needs its own name.
//!
//! Which labels belong to a storage is said by a regular expression, by a template in which `%` stands for
//! any digit and `!` for any letter, or by `MATCH-AUTOLABEL`: those that the autolabel template can make.

use std::str::FromStr;

use regex::Regex;

/// The longest label, in characters.
const LONGEST: usize = 80;

/// Which labels are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelRule {
    /// Those that the autolabel template can make; without autolabel, all.
    MatchAutolabel,
    /// Those that this template can make.
    Template(Template),
    /// Those in which this regular expression is found. It was checked to compile.
    Regex(String),
}

/// How a new volume is named, and which volumes count as new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autolabel {
    /// The name.
    pub template: Template,
    /// Label volumes whose label is not one of ours.
    pub other_config: bool,
    /// Label volumes with readable data that is no volume of this kind.
    pub non_amanda: bool,
    /// Label volumes that cannot be read.
    pub volume_error: bool,
    /// Label blank volumes.
    pub empty: bool,
}

/// A label with variables, as it was written, and one that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// A text that is not a label template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// A character that no label has.
    #[error("a label has letters, digits, '-', '_' and '.', and not {0:?}")]
    Character(char),
    /// A variable that does not exist.
    #[error("there is no variable \"${0}\": the variables are $b $m $o $c $r $s and $3s")]
    Variable(String),
    /// Two counters.
    #[error("there are two counters: use one run of '%' or one of '!'")]
    Counters,
    /// Nothing that tells one volume from the next.
    #[error(
        "every volume would have the same name: add a counter (%%%), a barcode ($b) or a slot ($3s)"
    )]
    Constant,
    /// Longer than a label may be.
    #[error("a label has at most 80 characters")]
    Long,
    /// Nothing at all.
    #[error("the template is empty")]
    Empty,
}

impl Template {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a first volume, in slot 1 and with a made-up barcode. `names` are those of the
    /// organisation, the configuration and the storage.
    pub(crate) fn example(&self, names: [&str; 3]) -> String {
        self.expand(names, |piece| match piece {
            Piece::Counter(width) | Piece::Slot(width) => format!("{:0width$}", 1),
            Piece::Letters(width) => "A".repeat(*width),
            _ => "BAR001L8".to_owned(),
        })
    }

    /// A regular expression of all names that this can make.
    fn regex(&self, names: [&str; 3]) -> String {
        let body =
            self.expand(
                names.map(regex::escape).each_ref().map(String::as_str),
                |piece| match piece {
                    Piece::Counter(width) => format!("[0-9]{{{width}}}"),
                    Piece::Slot(_) => "[0-9]+".to_owned(),
                    Piece::Letters(width) => format!("[A-Za-z]{{{width}}}"),
                    _ => ".+".to_owned(),
                },
            );
        format!("^{body}$")
    }

    fn expand(
        &self,
        [org, config, storage]: [&str; 3],
        other: impl Fn(&Piece) -> String,
    ) -> String {
        let pieces = pieces(&self.0).unwrap_or_default();
        let expand = |piece: &Piece| match piece {
            Piece::Text(text) => text.to_string(),
            Piece::Org => org.to_owned(),
            Piece::Config => config.to_owned(),
            Piece::Storage => storage.to_owned(),
            piece => other(piece),
        };
        pieces.iter().map(expand).collect()
    }
}

impl LabelRule {
    /// Whether the labels that a template makes are ours, as far as its `example` shows.
    pub(crate) fn admits(&self, template: &Template, names: [&str; 3], example: &str) -> bool {
        let pattern = match self {
            Self::MatchAutolabel => return true,
            Self::Template(rule) if rule == template => return true,
            Self::Template(rule) => rule.regex(names),
            Self::Regex(regex) => regex.clone(),
        };
        Regex::new(&pattern).is_ok_and(|regex| regex.is_match(example))
    }
}

impl FromStr for Template {
    type Err = BadTemplate;

    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        let pieces = pieces(text)?;
        let counters = |p: &&Piece| matches!(p, Piece::Counter(_) | Piece::Letters(_));
        let unique = |p: &&Piece| counters(p) || matches!(p, Piece::Barcode | Piece::Slot(_));
        let width = pieces.iter().map(Piece::least_width).fold(0, usize::saturating_add);
        match () {
            () if pieces.is_empty() => Err(BadTemplate::Empty),
            () if pieces.iter().filter(counters).count() > 1 => Err(BadTemplate::Counters),
            () if !pieces.iter().any(|piece| unique(&piece)) => Err(BadTemplate::Constant),
            () if width > LONGEST => Err(BadTemplate::Long),
            () => Ok(Self(text.to_owned())),
        }
    }
}

/// A piece of a label template.
enum Piece {
    /// A character.
    Text(char),
    /// `$o`
    Org,
    /// `$c`
    Config,
    /// `$r`
    Storage,
    /// `$m`, the label of a container of slots.
    Meta,
    /// `$b`
    Barcode,
    /// `$s`, `$3s`: padded with zeros to so many digits.
    Slot(usize),
    /// `%%%`: a decimal counter of so many digits.
    Counter(usize),
    /// `!!!`: a counter of so many letters.
    Letters(usize),
}

impl Piece {
    fn least_width(&self) -> usize {
        match self {
            Self::Slot(width) | Self::Counter(width) | Self::Letters(width) => *width,
            _ => 1,
        }
    }
}

/// Cuts a template into its pieces.
fn pieces(text: &str) -> Result<Vec<Piece>, BadTemplate> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |c: char| rest.len() - rest.trim_start_matches(c).len();
        let (piece, length) = match first {
            '$' => variable(&rest[1..])?,
            '%' => (Piece::Counter(run('%')), run('%')),
            '!' => (Piece::Letters(run('!')), run('!')),
            plain if plain.is_ascii_alphanumeric() || "-_.".contains(plain) => {
                (Piece::Text(plain), 1)
            }
            other => return Err(BadTemplate::Character(other)),
        };
        pieces.push(piece);
        rest = &rest[length..];
    }
    Ok(pieces)
}

/// What follows a `$`, and how long it is with the `$`.
fn variable(rest: &str) -> Result<(Piece, usize), BadTemplate> {
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let name = rest[digits.len()..].chars().next();
    let bad = || BadTemplate::Variable(digits.chars().chain(name).collect());
    let piece = match name {
        Some('s') => {
            Piece::Slot(if digits.is_empty() { 1 } else { digits.parse().unwrap_or(LONGEST + 1) })
        }
        _ if !digits.is_empty() => return Err(bad()),
        Some('b') => Piece::Barcode,
        Some('m') => Piece::Meta,
        Some('o') => Piece::Org,
        Some('c') => Piece::Config,
        Some('r') => Piece::Storage,
        // A dollar cannot be part of a label, so `$$` is of use only to say so.
        Some('$') => return Err(BadTemplate::Character('$')),
        _ => return Err(bad()),
    };
    Ok((piece, digits.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_checked() {
        for good in ["DAILY-%%%", "$o-$c-$r-$3s", "$b", "X!!!", "$s", "a.b_%"] {
            assert!(good.parse::<Template>().is_ok(), "{good}");
        }
        let cases = [
            ("", BadTemplate::Empty),
            ("DAILY", BadTemplate::Constant),
            ("a b%", BadTemplate::Character(' ')),
            ("ü%", BadTemplate::Character('ü')),
            ("%%-%%", BadTemplate::Counters),
            ("%%!!", BadTemplate::Counters),
            ("$x%%", BadTemplate::Variable("x".into())),
            ("$3b%%", BadTemplate::Variable("3b".into())),
            ("%$", BadTemplate::Variable(String::new())),
            ("$$%%", BadTemplate::Character('$')),
            ("$99s", BadTemplate::Long),
            ("$99999999999999999999999s%", BadTemplate::Long),
        ];
        for (text, mistake) in cases {
            assert_eq!(text.parse::<Template>(), Err(mistake), "{text}");
        }
    }
}
