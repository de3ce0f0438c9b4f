//! Names of volumes: which are ours, and what a new one is called.
//!
//! A new volume gets the first label of its template ([`LabelTemplate`]) that no volume has.
//!
//! Which labels are ours is said by a regular expression, found anywhere in the label, or by a template, in
//! which `%` stands for any digit and `!` for any letter. A volume that is ours by its label but that the
//! catalogue does not know is never taken as new: its catalogue may have been lost.

use std::collections::BTreeSet;

use regex::Regex;
pub use types::BadTemplate;
use types::{Barcode, Label, LabelTemplate, Slot, TemplatePiece};

/// No label can be made for a volume.
#[derive(Debug, thiserror::Error)]
pub enum NoLabel {
    /// The cartridge has nothing to put in for a variable.
    #[error("the template {template} needs {what}, and the cartridge has none")]
    Lacking {
        /// The template.
        template: String,
        /// What it wants.
        what: &'static str,
    },
    /// All labels the counter can make are taken.
    #[error("all labels that {0} can make are taken: give its counter more digits")]
    Exhausted(String),
    /// Without a counter there is but one label, and it is taken.
    #[error("label {0} is taken, and its template has no counter")]
    Taken(Label),
    /// The variables make something that is not a label.
    #[error("the template {template} makes no label")]
    Bad {
        /// The template.
        template: String,
        /// What is wrong with what it made.
        #[source]
        source: types::BadLabel,
    },
    /// The label made would not count as ours afterwards.
    #[error("the template makes {0}, which labelstr does not take for one of ours")]
    NotOurs(Label),
}

/// What the variables of a site stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `$o`
    pub org: String,
    /// `$c`
    pub config: String,
    /// `$r`
    pub storage: String,
}

/// What the variables of a cartridge stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cartridge<'a> {
    /// `$b`
    pub barcode: Option<&'a Barcode>,
    /// `$m`
    pub meta: Option<&'a str>,
    /// `$s`
    pub slot: Option<Slot>,
}

/// A label that some volume has, with its barcode.
pub type Taken = (Label, Option<Barcode>);

/// The first label that no volume has yet.
///
/// As in Amanda the labels of other volumes are compared with their own barcode taken for the variable, so
/// that a counter beside a barcode counts on from volume to volume.
pub fn first_free(
    template: &LabelTemplate,
    names: &Names,
    cartridge: Cartridge<'_>,
    taken: &[Taken],
) -> Result<Label, NoLabel> {
    let text = || template.as_str().to_owned();
    let mut used: BTreeSet<String> = taken.iter().map(|(l, _)| l.to_string()).collect();
    for (label, barcode) in taken {
        if let Some(barcode) = barcode {
            used.insert(label.as_str().replace(barcode.as_str(), "$b"));
        }
    }
    let count = template.pieces().iter().find(|piece| piece.is_counter()).map(combinations);
    // One more than is taken suffices, however long the counter.
    let tries = count.map_or(1, |count| count.min(used.len() as u64 + 1));
    for number in 1..=tries {
        let label = fill(template, names, cartridge, number)?;
        let barcode = cartridge.barcode.map_or("", Barcode::as_str);
        let key = match barcode {
            "" => label.clone(),
            barcode => label.replace(barcode, "$b"),
        };
        if used.contains(&label) || (count.is_some() && used.contains(&key)) {
            continue;
        }
        return label.parse().map_err(|source| NoLabel::Bad { template: text(), source });
    }
    match count {
        Some(_) => Err(NoLabel::Exhausted(text())),
        None => {
            let label = fill(template, names, cartridge, 1)?;
            let bad = |source| NoLabel::Bad { template: text(), source };
            Err(NoLabel::Taken(label.parse().map_err(bad)?))
        }
    }
}

/// The label with this value of its counter.
fn fill(
    template: &LabelTemplate,
    names: &Names,
    cartridge: Cartridge<'_>,
    number: u64,
) -> Result<String, NoLabel> {
    let text = || template.as_str().to_owned();
    let lacking = |what| NoLabel::Lacking { template: text(), what };
    let mut label = String::new();
    for piece in template.pieces() {
        match piece {
            TemplatePiece::Text(text) => label += text,
            TemplatePiece::Barcode => {
                label += cartridge.barcode.ok_or_else(|| lacking("a barcode"))?.as_str();
            }
            TemplatePiece::Meta => {
                label += cartridge.meta.ok_or_else(|| lacking("a meta label"))?
            }
            TemplatePiece::Org => label += &names.org,
            TemplatePiece::Config => label += &names.config,
            TemplatePiece::Storage => label += &names.storage,
            TemplatePiece::Slot { width } => {
                let slot = cartridge.slot.ok_or_else(|| lacking("a slot"))?;
                label += &format!("{slot:0width$}", slot = slot.0);
            }
            TemplatePiece::Digits { width } => label += &format!("{number:0width$}"),
            TemplatePiece::Letters { width } => label += &letters(number - 1, *width),
        }
    }
    Ok(label)
}

/// All labels that it can make, as a regular expression. A barcode and a meta label are those of the
/// cartridge, if it has some; the slot may be any, since cartridges are moved.
fn pattern(template: &LabelTemplate, names: &Names, cartridge: Cartridge<'_>) -> String {
    let known = |text: Option<&str>| text.map_or(".+".to_owned(), regex::escape);
    let pieces: String = template
        .pieces()
        .iter()
        .map(|piece| match piece {
            TemplatePiece::Text(text) => regex::escape(text),
            TemplatePiece::Barcode => known(cartridge.barcode.map(Barcode::as_str)),
            TemplatePiece::Meta => known(cartridge.meta),
            TemplatePiece::Org => regex::escape(&names.org),
            TemplatePiece::Config => regex::escape(&names.config),
            TemplatePiece::Storage => regex::escape(&names.storage),
            TemplatePiece::Slot { width } => format!("[0-9]{{{width},}}"),
            TemplatePiece::Digits { width } => format!("[0-9]{{{width}}}"),
            TemplatePiece::Letters { width } => format!("[A-Za-z]{{{width}}}"),
        })
        .collect();
    format!("^(?:{pieces})$")
}

/// How many labels a counter can make.
fn combinations(counter: &TemplatePiece) -> u64 {
    let width = u32::try_from(counter.width()).unwrap_or(u32::MAX);
    match counter {
        TemplatePiece::Digits { .. } => 10u64.saturating_pow(width) - 1,
        _ => 26u64.saturating_pow(width),
    }
}

/// A number from 0 in letters, `A` for 0.
fn letters(mut number: u64, width: usize) -> String {
    let mut letters = Vec::new();
    for _ in 0..width {
        letters.push(char::from(b'A' + u8::try_from(number % 26).unwrap_or(0)));
        number /= 26;
    }
    letters.iter().rev().collect()
}

/// Which labels are ours.
#[derive(Clone, Debug)]
pub enum LabelRule {
    /// All.
    Any,
    /// Those in which this is found.
    Regex(Regex),
    /// Those that this template can make.
    Template(LabelTemplate),
}

impl LabelRule {
    /// True if the label is one of ours.
    pub fn matches(&self, label: &Label, names: &Names, cartridge: Cartridge<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Regex(regex) => regex.is_match(label.as_str()),
            Self::Template(template) => Regex::new(&pattern(template, names, cartridge))
                // A pattern too large to compile would be one of hundreds of kilobytes: then nothing is ours.
                .is_ok_and(|regex| regex.is_match(label.as_str())),
        }
    }
}

/// What was found at the beginning of a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A label, and the stamp beside it; `None` if the volume was never written.
    Labelled {
        /// The label.
        label: Label,
        /// Its stamp.
        stamp: Option<types::Stamp>,
    },
    /// Nothing.
    Blank,
    /// Something that is no label; a few words about it.
    Foreign(String),
    /// A label of ours or of Amanda that cannot be understood: damaged, of a later version, or with another header in its
    /// place. What is behind it may be whole.
    Unreadable(String),
}

/// What a new volume is called, and what counts as one.
#[derive(Clone, Debug)]
pub struct Autolabel {
    /// The name.
    pub template: LabelTemplate,
    /// Media with nothing on them.
    pub empty: bool,
    /// Media with a label that can't be understood.
    pub volume_error: bool,
    /// Media with data that is not ours or Amanda's.
    pub non_amanda: bool,
    /// Volumes with a label that is not one of ours.
    pub other_config: bool,
}

impl Autolabel {
    /// Whether what was found may be taken as a new volume, `ours` telling whether a label is; if not, why.
    pub fn admits(&self, found: &Found, ours: impl Fn(&Label) -> bool) -> Result<(), String> {
        match found {
            Found::Blank if self.empty => Ok(()),
            Found::Blank => Err("it is blank, and autolabel does not take blank media".to_owned()),
            Found::Unreadable(_) if self.volume_error => Ok(()),
            Found::Unreadable(why) => Err(format!("its label can't be read: {why}")),
            Found::Foreign(_) if self.non_amanda => Ok(()),
            Found::Foreign(what) => Err(format!("it holds data of something else: {what}")),
            Found::Labelled { label, .. } if ours(label) => Err(format!(
                "it is labelled {label}, which is one of ours, but the catalogue does not know it; \
                 rebuild the catalogue from it, or label it by hand"
            )),
            Found::Labelled { .. } if self.other_config => Ok(()),
            Found::Labelled { label, .. } => {
                Err(format!("it is labelled {label}, which is not one of ours"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        text.parse().unwrap()
    }

    fn taken(labels: &[&str]) -> Vec<Taken> {
        labels.iter().map(|text| (label(text), None)).collect()
    }

    fn names() -> Names {
        Names { org: "ACME".into(), config: "daily".into(), storage: "lib".into() }
    }

    fn free(template: &str, cartridge: Cartridge<'_>, taken: &[Taken]) -> Result<String, String> {
        let template: LabelTemplate = template.parse().unwrap();
        let label = first_free(&template, &names(), cartridge, taken);
        label.map(|label| label.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn templates_fill_in_what_they_name() {
        let barcode: Barcode = "AB0007L8".parse().unwrap();
        let cartridge =
            Cartridge { barcode: Some(&barcode), meta: Some("box"), slot: Some(Slot(7)) };
        let cases = [
            ("V-%%%", "V-001"),
            ("!!!", "AAA"),
            ("$o-$c-$r-%%", "ACME-daily-lib-01"),
            ("$b", "AB0007L8"),
            ("$m.$3s", "box.007"),
            ("$s", "7"),
            ("$b_%", "AB0007L8_1"),
        ];
        for (template, made) in cases {
            assert_eq!(free(template, cartridge, &[]).as_deref(), Ok(made), "{template}");
        }
    }

    #[test]
    fn counters_take_the_first_gap() {
        let none = Cartridge::default();
        assert_eq!(free("V%%", none, &taken(&["V01", "V02", "V04"])).unwrap(), "V03");
        assert_eq!(free("!!", none, &taken(&["AA", "AB"])).unwrap(), "AC");
        let many: Vec<String> = (1..=26).map(|n| letters(n - 1, 2)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(free("!!", none, &taken(&many)).unwrap(), "BA");
    }

    #[test]
    fn a_counter_counts_on_over_other_barcodes() {
        let [old, new]: [Barcode; 2] = ["B01", "B02"].map(|b| b.parse().unwrap());
        let cartridge = Cartridge { barcode: Some(&new), ..Cartridge::default() };
        assert_eq!(free("$b-%%", cartridge, &[(label("B01-01"), Some(old))]).unwrap(), "B02-02");
    }

    #[test]
    fn what_cannot_be_named_says_why() {
        let none = Cartridge::default();
        let slot = Cartridge { slot: Some(Slot(3)), ..none };
        assert!(free("$b", none, &[]).unwrap_err().contains("a barcode"));
        assert!(free("$s", none, &[]).unwrap_err().contains("a slot"));
        assert!(free("$2s", slot, &taken(&["03"])).unwrap_err().contains("03 is taken"));
        let nine: Vec<String> = (1..=9).map(|n| n.to_string()).collect();
        let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
        assert!(free("%", none, &taken(&nine)).unwrap_err().contains("more digits"));
        let odd: Barcode = "two words".parse().unwrap();
        let cartridge = Cartridge { barcode: Some(&odd), ..none };
        assert!(free("$b", cartridge, &[]).unwrap_err().contains("makes no label"));
    }

    #[test]
    fn the_longest_counters_do_not_overflow() {
        let none = Cartridge::default();
        assert_eq!(free(&"%".repeat(80), none, &[]).unwrap(), format!("{}1", "0".repeat(79)));
        assert_eq!(free(&"!".repeat(80), none, &[]).unwrap(), "A".repeat(80));
    }

    #[test]
    fn rules_tell_our_labels_from_others() {
        let template = |text: &str| LabelRule::Template(text.parse().unwrap());
        let regex = |text: &str| LabelRule::Regex(Regex::new(text).unwrap());
        let cases = [
            (LabelRule::Any, "X", true),
            (regex("AIL"), "DAILY-1", true),
            (regex("^AIL"), "DAILY-1", false),
            (template("V-%%%"), "V-017", true),
            (template("V-%%%"), "V-17", false),
            (template("V-%%%"), "XV-017", false),
            (template("V.%"), "Vx1", false),
            (template("!!"), "Ab", true),
            (template("$c-$2s"), "daily-107", true),
            (template("$b-%"), "anything-3", true),
        ];
        for (rule, text, ours) in cases {
            let got = rule.matches(&label(text), &names(), Cartridge::default());
            assert_eq!(got, ours, "{rule:?} {text}");
        }
        let barcode: Barcode = "B.1".parse().unwrap();
        let cartridge = Cartridge { barcode: Some(&barcode), ..Cartridge::default() };
        assert!(template("$b").matches(&label("B.1"), &names(), cartridge));
        assert!(!template("$b").matches(&label("Bx1"), &names(), cartridge));
    }

    #[test]
    fn what_a_template_makes_it_also_matches() {
        let barcode: Barcode = "AB(1)".parse().unwrap();
        for text in ["V-%%%", "!!x", "$o.$c.$r.%", "$3s"] {
            let template: LabelTemplate = text.parse().unwrap();
            let cartridge =
                Cartridge { barcode: Some(&barcode), meta: Some("m"), slot: Some(Slot(12)) };
            let made = first_free(&template, &names(), cartridge, &[]).unwrap();
            assert!(LabelRule::Template(template).matches(&made, &names(), cartridge), "{text}");
        }
    }

    #[test]
    fn autolabel_takes_only_what_it_was_allowed_to() {
        let nothing = Autolabel {
            template: "V%%".parse().unwrap(),
            empty: false,
            volume_error: false,
            non_amanda: false,
            other_config: false,
        };
        type Allow = fn(&mut Autolabel);
        let cases: [(Found, Allow); 4] = [
            (Found::Blank, |a| a.empty = true),
            (Found::Unreadable("medium error".into()), |a| a.volume_error = true),
            (Found::Foreign("a tar archive".into()), |a| a.non_amanda = true),
            (Found::Labelled { label: label("OTHER"), stamp: None }, |a| a.other_config = true),
        ];
        for (found, allow) in cases {
            assert!(nothing.admits(&found, |_| false).is_err(), "{found:?}");
            let mut allowed = nothing.clone();
            allow(&mut allowed);
            assert!(allowed.admits(&found, |_| false).is_ok(), "{found:?}");
        }
        let all = Autolabel {
            empty: true,
            volume_error: true,
            non_amanda: true,
            other_config: true,
            ..nothing
        };
        let ours = Found::Labelled { label: label("V01"), stamp: None };
        assert!(all.admits(&ours, |_| true).unwrap_err().contains("does not know it"));
    }
}
