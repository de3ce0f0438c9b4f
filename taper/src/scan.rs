//! The scan: which volume to write on next, and why not the others.
//!
//! It decides and does not do. It proposes slots, one after the other, and the caller loads each and reads its
//! label; what was met there is judged here too, since a label hint or a barcode may be wrong. Every proposal
//! says why in words, and every refusal is kept, for whoever is to know why nothing was found.
//!
//! | method | proposes |
//! |---|---|
//! | traditional | the volume that was written longest ago and is reusable, then each slot in turn from the current one |
//! | oldest | labelled volumes that were never written, then new media, then reusable volumes by age, then unknown slots |
//! | lexical | all of these by label, going on behind the label that was written last, then unknown slots |
//!
//! The traditional scan is Amanda's default: it passes over new volumes as long as an old one can be reused, and
//! so keeps to the order of a rotation. Before all that comes, if appending is allowed, the volume that was
//! written last and is not full.

mod lost;
mod would;

use std::collections::{BTreeSet, VecDeque};

use types::{Barcode, Label, PoolName, Slot, Stamp};

use crate::catalogue::{Medium, Volume, VolumeState};
use crate::label::{self, Autolabel, Cartridge, Found, LabelRule, Names, Taken};
use crate::retention::{Advice, Verdict};

pub use lost::Lost;
pub use would::WouldDo;

/// In which order volumes are proposed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// As Amanda always did.
    #[default]
    Traditional,
    /// The oldest first.
    Oldest,
    /// By label, round and round.
    Lexical,
}

/// Whether volumes that have room are written on behind their last file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Append {
    /// Yes, before any other is taken.
    Allowed,
    /// No: each run begins a volume.
    Never,
}

/// What is known of a slot without loading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// There is no cartridge.
    Empty,
    /// There is one, and nothing more is known.
    Unknown,
    /// There is one that probably has this label.
    Label(Label),
    /// There was a medium without a label when it was looked at last.
    Seen(Found),
    /// There is one, and somebody else uses it.
    Busy(String),
}

/// A slot as the inventory shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotView {
    /// Which.
    pub slot: Slot,
    /// What its cartridge's sticker claims.
    pub barcode: Option<Barcode>,
    /// What is known of it.
    pub hint: Hint,
}

/// All that a scan looks at.
#[derive(Clone, Debug)]
pub struct Situation {
    /// In which order.
    pub method: Method,
    /// Whether to append.
    pub append: Append,
    /// The slots that may be used, in order.
    pub slots: Vec<SlotView>,
    /// The slot that is loaded, or was used last: the traditional scan begins there.
    pub current: Option<Slot>,
    /// The volumes the catalogue knows.
    pub volumes: Vec<Volume>,
    /// What retention says of them.
    pub verdicts: Advice,
    /// The pool that is to be written.
    pub pool: PoolName,
    /// Which labels are ours.
    pub labels: LabelRule,
    /// Which media count as new. `None`: none does.
    pub autolabel: Option<Autolabel>,
    /// What label variables stand for.
    pub names: Names,
    /// The run that wants to write. It does not begin a volume twice, and a lock that ended before it is none.
    pub run: Stamp,
}

/// A slot worth loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which slot.
    pub slot: Slot,
    /// The label that is expected there, if one is.
    pub label: Option<Label>,
    /// Why this one, in words.
    pub why: String,
}

/// What to do with the medium that was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Write on behind the last file of this volume.
    Append(Label),
    /// Begin this volume afresh, with leave from [`crate::catalogue::Catalogue::reusable`].
    Reuse(Label),
    /// Label it as a new volume.
    Fresh(Fresh),
}

/// A medium that counts as new, and the label for it. Only a scan makes one, after autolabel's rules have let the
/// medium pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    label: Label,
    found: Found,
}

impl Fresh {
    /// The label it is to get.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// What was on the medium.
    pub fn found(&self) -> &Found {
        &self.found
    }
}

/// Why a slot was not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("slot {slot}: {why}")]
pub struct Refusal {
    /// Which.
    pub slot: Slot,
    /// In words.
    pub why: String,
}

/// A scan under way. As an iterator it gives the slots to load; it ends when there are no more.
///
/// What retention says of a volume is asked when its slot's turn comes, and not before: of a thousand slots a night
/// looks at a few.
#[derive(Debug)]
pub struct Scan {
    situation: Situation,
    waiting: VecDeque<Proposal>,
    seen: BTreeSet<Slot>,
    refusals: Vec<Refusal>,
}

/// What is looked at next.
#[derive(Debug)]
enum Proposal {
    /// A slot.
    One(Slot),
    /// The first of these that may be taken, and then none of the others.
    FirstOf(Vec<Slot>),
}

impl Scan {
    /// Looks at everything that is known, and puts the slots in order.
    pub fn new(situation: Situation) -> Self {
        let mut scan = Self {
            waiting: VecDeque::new(),
            seen: BTreeSet::new(),
            refusals: Vec::new(),
            situation,
        };
        let situation = &scan.situation;
        let mut waiting: Vec<Proposal> =
            situation.appendable().into_iter().map(Proposal::One).collect();
        match situation.method {
            Method::Traditional => waiting.extend(situation.traditionally()),
            Method::Oldest => waiting.extend(situation.oldest_first()),
            Method::Lexical => waiting.extend(situation.lexically()),
        }
        scan.waiting = waiting.into();
        scan
    }

    /// What was met in a slot: how to use it, or why not.
    ///
    /// `serial` is the number that the cartridge's chip told, if it has one.
    pub fn met(
        &mut self,
        slot: Slot,
        found: Found,
        serial: Option<&str>,
    ) -> Result<Choice, Refusal> {
        let without_label = !matches!(found, Found::Labelled { .. });
        if let Some(lost) = without_label.then(|| self.situation.lost(slot, serial)).flatten() {
            return Err(self.refuse(slot, lost.told(&found)));
        }
        let judged = self.situation.judge(slot, found).map(|(choice, _)| choice);
        judged.map_err(|why| self.refuse(slot, why))
    }

    /// A candidate could not be used for a reason of the caller's: it did not load, its drive failed.
    pub fn rejected(&mut self, candidate: &Candidate, why: &str) {
        self.refuse(candidate.slot, why.to_owned());
    }

    /// The refusals so far: what to tell the operator when nothing was found.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    fn refuse(&mut self, slot: Slot, why: String) -> Refusal {
        let refusal = Refusal { slot, why };
        self.refusals.push(refusal.clone());
        refusal
    }

    /// Whether a slot is worth loading. Each is judged once.
    fn look(&mut self, slot: Slot) -> Option<Candidate> {
        if !self.seen.insert(slot) {
            return None;
        }
        let view = self.situation.slots.iter().find(|view| view.slot == slot)?.clone();
        match self.situation.prospect(&view) {
            Ok((label, why)) => Some(Candidate { slot, label, why }),
            Err(why) => {
                self.refuse(slot, why);
                None
            }
        }
    }
}

impl Iterator for Scan {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        loop {
            let found = match self.waiting.pop_front()? {
                Proposal::One(slot) => self.look(slot),
                Proposal::FirstOf(slots) => slots.into_iter().find_map(|slot| self.look(slot)),
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

impl Situation {
    /// The volumes of the pool.
    fn ours(&self) -> impl Iterator<Item = &Volume> {
        self.volumes.iter().filter(|volume| volume.pool == self.pool)
    }

    fn volume(&self, label: &Label) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.label == *label)
    }

    fn has_room(&self, volume: &Volume) -> bool {
        volume.state == VolumeState::Active
            && !volume.lock.holds(self.run)
            && volume.off_site.is_none()
    }

    /// A medium that can be written only once, and that has nothing but its label: it is written on behind that, for
    /// the label cannot be written afresh.
    fn begins_behind_its_label(&self, volume: &Volume) -> bool {
        volume.medium == Medium::WriteOnce
            && volume.pool == self.pool
            && volume.state == VolumeState::Labelled
            && !volume.lock.holds(self.run)
            && volume.off_site.is_none()
            && !Self::was_written(volume)
    }

    fn was_written(volume: &Volume) -> bool {
        volume.last_written.is_some()
    }

    /// The volumes that have room, the one written last first.
    fn appendable(&self) -> Vec<Slot> {
        if self.append == Append::Never {
            return Vec::new();
        }
        let mut open: Vec<_> =
            self.at_hand(|volume| self.has_room(volume) && volume.pool == self.pool);
        open.sort_by_key(|(volume, slot)| (std::cmp::Reverse(volume.last_written), *slot));
        open.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Of the volumes of the pool that are at hand, the one that was written longest ago and may be begun afresh; then
    /// slot by slot, from the current one on.
    fn traditionally(&self) -> Vec<Proposal> {
        let at = self.slots.iter().position(|view| Some(view.slot) == self.current).unwrap_or(0);
        let (before, from) = self.slots.split_at(at);
        let old = self.written().into_iter().map(|(_, slot)| slot).collect();
        let round = from.iter().chain(before).map(|view| Proposal::One(view.slot));
        std::iter::once(Proposal::FirstOf(old)).chain(round).collect()
    }

    fn oldest_first(&self) -> Vec<Proposal> {
        let new = self.never_written().into_iter().map(|(_, slot)| slot);
        let fresh = self.autolabelable().into_iter().map(|(_, slot)| slot);
        let old = self.written().into_iter().map(|(_, slot)| slot);
        let all = self.slots.iter().map(|view| view.slot);
        new.chain(fresh).chain(old).chain(all).map(Proposal::One).collect()
    }

    fn lexically(&self) -> Vec<Proposal> {
        let named = |(volume, slot): (&Volume, Slot)| (volume.label.clone(), slot);
        let mut all: Vec<(Label, Slot)> = self.never_written().into_iter().map(named).collect();
        all.extend(self.autolabelable());
        all.extend(self.written().into_iter().map(named));
        let last = self
            .ours()
            .filter_map(|volume| Some((volume.last_written?, &volume.label)))
            .max()
            .map(|(_, label)| label.clone());
        // False sorts first: what is behind the last label, then the others from the beginning.
        all.sort_by_key(|(label, _)| {
            (last.as_ref().is_some_and(|last| label <= last), label.clone())
        });
        let slots = self.slots.iter().map(|view| view.slot);
        all.into_iter().map(|(_, slot)| slot).chain(slots).map(Proposal::One).collect()
    }

    /// Volumes of the pool that are at hand and were written, the longest unwritten first.
    fn written(&self) -> Vec<(&Volume, Slot)> {
        let mut found = self.at_hand(|v| v.pool == self.pool && Self::was_written(v));
        found.sort_by_key(|(volume, _)| (volume.last_written, volume.label.clone()));
        found
    }

    /// Volumes of the pool that are at hand and have nothing but a label, by label.
    fn never_written(&self) -> Vec<(&Volume, Slot)> {
        let mut found = self.at_hand(|v| v.pool == self.pool && !Self::was_written(v));
        found.sort_by_key(|(volume, _)| volume.label.clone());
        found
    }

    /// The volumes that are probably in the slots.
    fn at_hand(&self, wanted: impl Fn(&Volume) -> bool) -> Vec<(&Volume, Slot)> {
        let mut seen = BTreeSet::new();
        let of = |view: &SlotView| match &view.hint {
            Hint::Label(label) => Some((self.volume(label)?, view.slot)),
            Hint::Empty | Hint::Unknown | Hint::Seen(_) | Hint::Busy(_) => None,
        };
        let all = self.slots.iter().filter_map(of);
        all.filter(|(volume, _)| wanted(volume) && seen.insert(volume.label.clone())).collect()
    }

    /// Media that were seen to be new, with the labels that they would get.
    fn autolabelable(&self) -> Vec<(Label, Slot)> {
        let of = |view: &SlotView| {
            let Hint::Seen(found) = &view.hint else { return None };
            let fresh = self.fresh(view.slot, found.clone()).ok()?;
            Some((fresh.label, view.slot))
        };
        self.slots.iter().filter_map(of).collect()
    }

    /// Whether a volume may be begun afresh; if not, why.
    fn may_begin(&self, volume: &Volume) -> Result<(), String> {
        let label = &volume.label;
        if volume.pool != self.pool {
            return Err(format!("{label} belongs to pool {}", volume.pool));
        }
        if let Some(off) = &volume.off_site {
            return Err(format!(
                "{label} is noted as off-site ({}): `reelkeep volume relocate {label} --back` if it is here to stay",
                off.place
            ));
        }
        if volume.last_written == Some(self.run) {
            return Err(format!("{label} was written in this run already"));
        }
        match self.verdicts.of(label) {
            Verdict::Reusable => Ok(()),
            Verdict::Needed(needed) => Err(needed.to_string()),
        }
    }

    /// Whether a slot is worth loading, by what is known of it; what is expected, or why not.
    fn prospect(&self, view: &SlotView) -> Result<(Option<Label>, String), String> {
        match &view.hint {
            Hint::Empty => Err("it is empty".to_owned()),
            Hint::Busy(by) => Err(format!("it is in use: {by}")),
            Hint::Unknown => Ok((None, "nobody knows yet what is in it".to_owned())),
            Hint::Label(label) => {
                let found = Found::Labelled { label: label.clone(), stamp: None };
                self.judge(view.slot, found).map(|(_, why)| (Some(label.clone()), why))
            }
            Hint::Seen(found) => self.judge(view.slot, found.clone()).map(|(_, why)| (None, why)),
        }
    }

    /// How to use what is in a slot and why, or why not.
    fn judge(&self, slot: Slot, found: Found) -> Result<(Choice, String), String> {
        if let Found::Labelled { label, .. } = &found
            && let Some(volume) = self.volume(label)
        {
            let label = label.clone();
            if self.append == Append::Allowed && volume.pool == self.pool && self.has_room(volume) {
                let why = format!("{label} has room behind file {}", volume.end.file);
                return Ok((Choice::Append(label), why));
            }
            if self.begins_behind_its_label(volume) {
                let why = format!(
                    "{label} is labelled, was never written, and can be written only once: behind its label"
                );
                return Ok((Choice::Append(label), why));
            }
            self.may_begin(volume)?;
            let why = match volume.last_written {
                Some(run) => format!("{label} is reusable, and was written last on {}", run.day()),
                None => format!("{label} is labelled and was never written"),
            };
            return Ok((Choice::Reuse(label), why));
        }
        let fresh = self.fresh(slot, found)?;
        let why = format!("its medium counts as new, and becomes {}", fresh.label);
        Ok((Choice::Fresh(fresh), why))
    }

    /// The label for a medium that counts as new, or why it does not.
    fn fresh(&self, slot: Slot, found: Found) -> Result<Fresh, String> {
        let barcode =
            self.slots.iter().find(|v| v.slot == slot).and_then(|view| view.barcode.as_ref());
        let cartridge = Cartridge { barcode, meta: None, slot: Some(slot) };
        let ours = |label: &Label| self.labels.matches(label, &self.names, cartridge);
        let Some(autolabel) = &self.autolabel else {
            return Err(match found {
                Found::Labelled { label, .. } => {
                    format!(
                        "the catalogue does not know {label}, and nothing is labelled by itself"
                    )
                }
                Found::Blank => "it is blank, and nothing is labelled by itself".to_owned(),
                Found::Foreign(what) => format!("it holds data of something else: {what}"),
                Found::Unreadable(why) => format!("its label can't be read: {why}"),
            });
        };
        autolabel.admits(&found, ours)?;
        // A label that was chosen and perhaps never written is given to the next medium.
        let known = self
            .volumes
            .iter()
            .filter(|volume| volume.state != VolumeState::Chosen)
            .map(|volume| (volume.label.clone(), volume.barcode.clone()));
        // One that a cartridge seems to have is taken, even if the catalogue was lost and does not know it.
        let seen = self.slots.iter().filter_map(|view| match &view.hint {
            Hint::Label(label) if self.volume(label).is_none() => {
                Some((label.clone(), view.barcode.clone()))
            }
            _ => None,
        });
        let taken: Vec<Taken> = known.chain(seen).collect();
        let label = label::first_free(&autolabel.template, &self.names, cartridge, &taken)
            .map_err(|error| with_cause(&error))?;
        if ours(&label) {
            Ok(Fresh { label, found })
        } else {
            Err(label::NoLabel::NotOurs(label).to_string())
        }
    }
}

/// An error and what it comes from, in one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
