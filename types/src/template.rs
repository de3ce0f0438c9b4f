//! Templates of labels: what a new volume is to be called.
//!
//! A template is a label with variables: `$b` the barcode, `$m` the meta label, `$o` the organisation, `$c` the
//! configuration, `$r` the storage, `$s` the slot or `$3s` the slot padded to three digits. One run of `%` is a
//! decimal counter from 1, one run of `!` counts in letters from `AAA`. A template without a counter has to contain a
//! barcode or a slot, since each volume needs its own name.

use std::str::FromStr;

/// The longest label, in characters.
const LONGEST: usize = 80;

/// A label with variables, as it was written, and one that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTemplate {
    text: String,
    pieces: Vec<TemplatePiece>,
}

/// What a template is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePiece {
    /// Characters that stand for themselves.
    Text(String),
    /// `$b`
    Barcode,
    /// `$m`, the label of a container of slots.
    Meta,
    /// `$o`
    Org,
    /// `$c`
    Config,
    /// `$r`
    Storage,
    /// `$s`, `$3s`: padded with zeros to so many digits.
    Slot {
        /// Digits, at least.
        width: usize,
    },
    /// `%%%`: a decimal counter from 1.
    Digits {
        /// Digits, exactly.
        width: usize,
    },
    /// `!!!`: a counter of letters from `AAA`.
    Letters {
        /// Letters, exactly.
        width: usize,
    },
}

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

impl LabelTemplate {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is made of, in order.
    pub fn pieces(&self) -> &[TemplatePiece] {
        &self.pieces
    }
}

impl TemplatePiece {
    /// Whether it counts from volume to volume.
    pub fn is_counter(&self) -> bool {
        matches!(self, Self::Digits { .. } | Self::Letters { .. })
    }

    /// Whether it differs from volume to volume.
    fn varies(&self) -> bool {
        self.is_counter() || matches!(self, Self::Barcode | Self::Slot { .. })
    }

    /// Characters, at least.
    pub fn width(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Slot { width } | Self::Digits { width } | Self::Letters { width } => *width,
            Self::Barcode | Self::Meta | Self::Org | Self::Config | Self::Storage => 1,
        }
    }
}

impl FromStr for LabelTemplate {
    type Err = BadTemplate;

    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        let pieces = pieces(text)?;
        let width = pieces.iter().map(TemplatePiece::width).fold(0, usize::saturating_add);
        match () {
            () if pieces.is_empty() => Err(BadTemplate::Empty),
            () if pieces.iter().filter(|piece| piece.is_counter()).count() > 1 => {
                Err(BadTemplate::Counters)
            }
            () if !pieces.iter().any(TemplatePiece::varies) => Err(BadTemplate::Constant),
            () if width > LONGEST => Err(BadTemplate::Long),
            () => Ok(Self { text: text.to_owned(), pieces }),
        }
    }
}

/// Cuts a template into its pieces.
fn pieces(text: &str) -> Result<Vec<TemplatePiece>, BadTemplate> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |of: fn(char) -> bool| rest.len() - rest.trim_start_matches(of).len();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let (piece, length) = match first {
            '$' => variable(&rest[1..])?,
            '%' => (TemplatePiece::Digits { width: run(|c| c == '%') }, run(|c| c == '%')),
            '!' => (TemplatePiece::Letters { width: run(|c| c == '!') }, run(|c| c == '!')),
            c if plain(c) => (TemplatePiece::Text(rest[..run(plain)].to_owned()), run(plain)),
            other => return Err(BadTemplate::Character(other)),
        };
        pieces.push(piece);
        rest = &rest[length..];
    }
    Ok(pieces)
}

/// What follows a `$`, and how long it is with the `$`.
fn variable(rest: &str) -> Result<(TemplatePiece, usize), BadTemplate> {
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let name = rest[digits.len()..].chars().next();
    let piece = match name {
        Some('s') => TemplatePiece::Slot { width: slot_width(&digits) },
        // A dollar cannot be part of a label, so `$$` is of use only to say so.
        Some('$') if digits.is_empty() => return Err(BadTemplate::Character('$')),
        Some('b') if digits.is_empty() => TemplatePiece::Barcode,
        Some('m') if digits.is_empty() => TemplatePiece::Meta,
        Some('o') if digits.is_empty() => TemplatePiece::Org,
        Some('c') if digits.is_empty() => TemplatePiece::Config,
        Some('r') if digits.is_empty() => TemplatePiece::Storage,
        _ => return Err(BadTemplate::Variable(digits.chars().chain(name).collect())),
    };
    Ok((piece, digits.len() + 2))
}

/// What is too wide for a label stays so, however many digits say it.
fn slot_width(digits: &str) -> usize {
    if digits.is_empty() {
        return 1;
    }
    digits.parse().unwrap_or(LONGEST + 1).min(LONGEST + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_checked() {
        for good in ["DAILY-%%%", "$o-$c-$r-$3s", "$b", "X!!!", "$s", "a.b_%", &"%".repeat(80)] {
            assert!(good.parse::<LabelTemplate>().is_ok(), "{good}");
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
            ("$81s", BadTemplate::Long),
            (&"!".repeat(81), BadTemplate::Long),
            ("$99999999999999999999999s%", BadTemplate::Long),
        ];
        for (text, mistake) in cases {
            assert_eq!(text.parse::<LabelTemplate>(), Err(mistake), "{text}");
        }
    }

    #[test]
    fn pieces_come_in_order_and_text_in_one() {
        use TemplatePiece::{Barcode, Digits, Slot, Text};
        let template: LabelTemplate = "V-$3s.$b%%".parse().unwrap();
        let text = |text: &str| Text(text.to_owned());
        let expected = [text("V-"), Slot { width: 3 }, text("."), Barcode, Digits { width: 2 }];
        assert_eq!(template.pieces(), expected);
        assert_eq!(template.as_str(), "V-$3s.$b%%");
    }
}
