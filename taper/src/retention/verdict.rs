//! What was decided of a volume, and why, in words.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};
use std::sync::Arc;

use types::{Label, Stamp};

/// Which rule keeps a volume. In the order in which reasons are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The catalogue does not know it.
    Unknown,
    /// The operator locked it.
    Lock,
    /// It is retired or missing.
    State,
    /// Its medium can be written only once.
    WriteOnce,
    /// Its storage has no policy.
    NoPolicy,
    /// The run that wrote it goes on.
    Unfinished,
    /// It is among the volumes written last.
    Volumes,
    /// It was written not long ago.
    Days,
    /// Its storage keeps everything until some day.
    KeepUntil,
    /// It restores one of the last days.
    Recover,
    /// It has a full that is to be kept.
    Fulls,
    /// It has something of a dump cycle that is to be kept.
    Cycles,
    /// It has the newest state of something.
    LastResort,
    /// A dump that is held or arriving builds on it, or is being written to it.
    BeingMade,
    /// Something is about to read it.
    Pin,
}

impl Rule {
    /// Its name, for tables and machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Lock => "lock",
            Self::State => "state",
            Self::WriteOnce => "write-once medium",
            Self::NoPolicy => "no policy",
            Self::Unfinished => "unfinished run",
            Self::Volumes => "retention-tapes",
            Self::Days => "retention-days",
            Self::KeepUntil => "keep-until",
            Self::Recover => "retention-recover",
            Self::Fulls => "retention-full",
            Self::Cycles => "retention-cycles",
            Self::LastResort => "last resort",
            Self::BeingMade => "being made",
            Self::Pin => "wanted",
        }
    }
}

/// Why a volume is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// By which rule.
    pub rule: Rule,
    /// In words.
    pub why: String,
    /// The rule lets go of it then, if that is known.
    pub until: Option<Stamp>,
}

/// A volume that some restore wants, and why. There is at least one reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("volume {label} is needed: {}{}", first(reasons), others(*count))]
pub struct Needed {
    /// Which volume.
    pub label: Label,
    /// For each rule the first dump or volume that it found.
    pub reasons: Vec<Reason>,
    /// How many reasons there are altogether.
    pub count: usize,
}

fn first(reasons: &[Reason]) -> &str {
    reasons.first().map_or("", |reason| &reason.why)
}

fn others(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        1 => " (and another reason)".to_owned(),
        n => format!(" (and {n} other reasons)"),
    }
}

impl Needed {
    /// When all rules let go of it, if that is known of all.
    pub fn until(&self) -> Option<Stamp> {
        let all: Option<Vec<Stamp>> = self.reasons.iter().map(|reason| reason.until).collect();
        all?.into_iter().max()
    }
}

/// What retention says of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No restore wants it.
    Reusable,
    /// Some restore does.
    Needed(Needed),
}

impl Verdict {
    /// True if no restore wants the volume.
    pub fn is_reusable(&self) -> bool {
        matches!(self, Self::Reusable)
    }

    /// Nothing, or why not.
    pub fn leave(self) -> Result<(), Needed> {
        match self {
            Self::Reusable => Ok(()),
            Self::Needed(needed) => Err(needed),
        }
    }
}

/// What one rule has against giving a volume back.
#[derive(Clone, Debug)]
struct Objection {
    why: String,
    count: usize,
    until: Option<Stamp>,
}

/// What retention says of all volumes.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(HashMap<Label, BTreeMap<Rule, Objection>>);

impl Verdicts {
    pub(super) fn all_reusable<'a>(labels: impl Iterator<Item = &'a Label>) -> Self {
        Self(labels.map(|label| (label.clone(), BTreeMap::new())).collect())
    }

    /// Adds a reason. A volume may have thousands of dumps, so each rule keeps one sentence and a count.
    pub(super) fn need(&mut self, label: &Label, reason: Reason) {
        let Reason { rule, why, until } = reason;
        self.need_for(label, rule, until, || why);
    }

    /// The same; the sentence is asked for only if it is the first of its rule.
    pub(super) fn need_for(
        &mut self,
        label: &Label,
        rule: Rule,
        until: Option<Stamp>,
        why: impl FnOnce() -> String,
    ) {
        // A label that is no volume of the catalogue's is needed anyway.
        let Some(objections) = self.0.get_mut(label) else { return };
        objections
            .entry(rule)
            .and_modify(|objection| {
                objection.count += 1;
                objection.until = objection.until.zip(until).map(|(a, b)| a.max(b));
            })
            .or_insert_with(|| Objection { why: why(), count: 1, until });
    }

    /// The verdict on one volume. One that the catalogue does not know is needed.
    pub fn of(&self, label: &Label) -> Verdict {
        let Some(objections) = self.0.get(label) else {
            let reason = Reason {
                rule: Rule::Unknown,
                why: "the catalogue does not know it, so nobody can tell what is on it".to_owned(),
                until: None,
            };
            return Verdict::Needed(Needed {
                label: label.clone(),
                reasons: vec![reason],
                count: 1,
            });
        };
        if objections.is_empty() {
            return Verdict::Reusable;
        }
        let reasons = objections.iter().map(|(rule, objection)| Reason {
            rule: *rule,
            why: objection.why.clone(),
            until: objection.until,
        });
        let count = objections.values().map(|objection| objection.count).sum();
        Verdict::Needed(Needed { label: label.clone(), reasons: reasons.collect(), count })
    }

    /// True if nobody has said yet that the volume is needed.
    pub(crate) fn is_free(&self, label: &Label) -> bool {
        self.0.get(label).is_some_and(BTreeMap::is_empty)
    }

    /// The verdict on this volume, and none on the others.
    pub(crate) fn only(mut self, label: &Label) -> Self {
        self.0.retain(|other, _| other == label);
        self
    }

    /// The volumes, by label, and the verdict on each.
    pub fn iter(&self) -> impl Iterator<Item = (&Label, Verdict)> {
        let mut labels: Vec<&Label> = self.0.keys().collect();
        labels.sort();
        labels.into_iter().map(|label| (label, self.of(label)))
    }

    /// The volumes that may be reused, by label.
    pub fn reusable(&self) -> impl Iterator<Item = &Label> {
        let free = self.0.iter().filter(|(_, objections)| objections.is_empty());
        let mut labels: Vec<&Label> = free.map(|(label, _)| label).collect();
        labels.sort();
        labels.into_iter()
    }

    /// Why a volume is not reusable, or that it is: one line for each rule.
    pub fn explain(&self, label: &Label) -> String {
        let Verdict::Needed(needed) = self.of(label) else {
            return format!("{label} is reusable: nothing on it is needed.\n");
        };
        let mut text = match needed.until() {
            Some(day) => format!("{label} is needed, until {} as things stand:\n", day.day()),
            None => format!("{label} is needed:\n"),
        };
        let empty = BTreeMap::new();
        let objections = self.0.get(label).unwrap_or(&empty);
        for reason in &needed.reasons {
            let more = objections.get(&reason.rule).map_or(0, |objection| objection.count - 1);
            let more = if more > 0 { format!(" (and {more} more like it)") } else { String::new() };
            let until = reason.until.map_or(String::new(), |day| format!("; until {}", day.day()));
            // Writing to a string can't fail.
            writeln!(text, "  - {}{more}{until}", reason.why).unwrap_or_default();
        }
        text
    }
}

/// Whom a scan asks about a volume.
#[derive(Clone)]
pub enum Advice {
    /// All verdicts are at hand.
    Known(Verdicts),
    /// Somebody finds out when asked.
    OnDemand(Arc<dyn Fn(&Label) -> Verdict + Send + Sync>),
}

impl Advice {
    /// The verdict on one volume.
    pub fn of(&self, label: &Label) -> Verdict {
        match self {
            Self::Known(verdicts) => verdicts.of(label),
            Self::OnDemand(ask) => ask(label),
        }
    }
}

impl From<Verdicts> for Advice {
    fn from(verdicts: Verdicts) -> Self {
        Self::Known(verdicts)
    }
}

impl fmt::Debug for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(verdicts) => f.debug_tuple("Known").field(verdicts).finish(),
            Self::OnDemand(_) => f.write_str("OnDemand"),
        }
    }
}
