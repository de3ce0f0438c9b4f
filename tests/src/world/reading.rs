//! Restores and verifications that go on beside everything else, as processes of their own.
//!
//! Each has its dumps kept by the product's own reading ([`Reading`]): a lock that all readers share, and a pin in the
//! catalogue that goes from dump to dump. Behind each durable step of whatever the server does, one of them may begin, read
//! on a part, come to its end, or be killed; a killed one leaves its pin, and tidying up finds it. What they choose is often
//! on a volume that could be given back just then: nothing but the pin keeps it.
//!
//! ```text
//!  chosen ─► dump pinned, looked up ─► part, part, part ─► next dump … ─► over
//!     └── volumes may go ──┘└── none of its volumes goes, but by a disaster ──┘
//! ```

use std::collections::VecDeque;

use server::library;
use server::restore::reading::{self, Reading, ReadingError};
use taper::catalogue::{CatalogueError, Pin};
use taper::retention::{Needed, Rule};
use types::{DumpId, FileNo, Label, Stamp};

use super::faults::Fault;
use super::media::{Cartridge, CartridgeNo, File, Health, Start};
use super::{Broken, Stop, World};

/// Days that a pin lasts, as the manual has it.
const LASTS: u32 = 7;
/// No more read at once.
const MOST: usize = 3;

/// Somebody who reads.
pub(crate) struct Reader {
    /// As the catalogue knows it.
    who: String,
    reading: Reading,
    /// Chosen when it began.
    listed: VecDeque<DumpId>,
    now: Option<Turn>,
    /// It goes on behind one of so many steps.
    pace: u64,
}

/// A dump whose turn it is.
struct Turn {
    dump: DumpId,
    /// Its pin falls off then.
    until: Stamp,
    places: VecDeque<Place>,
    /// A disaster, or somebody who knew what he did, took one of its volumes.
    spoiled: bool,
}

/// A part that is still to be read, and where it was when the dump was opened.
struct Place {
    part: DumpId,
    label: Label,
    start: Start,
    no: CartridgeNo,
    file: FileNo,
}

impl World {
    /// Behind a durable step: other processes go on.
    pub(crate) fn readers_go_on(&mut self) -> Result<(), Stop> {
        if self.readers.len() < MOST && self.strikes(Fault::Read) {
            self.begin_to_read()?;
        }
        for at in (0..self.readers.len()).rev() {
            let pace = self.readers[at].pace;
            if !self.dice.one_in(pace) {
                continue;
            }
            if self.strikes(Fault::ReaderKilled) {
                self.kill(at)?;
            } else if !self.reads_on(at)? {
                let over = self.readers.remove(at);
                self.tell(format_args!("{} is over", over.who));
            }
        }
        Ok(())
    }

    /// A restore reads one dump, with what it builds on; who verifies goes through some, one by one.
    fn begin_to_read(&mut self) -> Result<(), Stop> {
        let count = if self.dice.one_in(3) { self.dice.between(2, 4) } else { 1 };
        let mut listed = VecDeque::new();
        for _ in 0..count {
            listed.extend(self.one_to_read()?);
        }
        if listed.is_empty() {
            return Ok(());
        }
        self.readers_begun += 1;
        let who = format!("restore, process {}", self.readers_begun);
        self.tell(format_args!("{who} begins: {listed:?}"));
        let reading = Reading::begin(&self.site, who.clone()).map_err(no_reading)?;
        let pace = *self.dice.pick(&[1, 4, 4, 30, 200]).unwrap_or(&1);
        self.readers.push(Reader { who, reading, listed, now: None, pace });
        Ok(())
    }

    /// Any dump that can be restored; every other time one on a volume that nobody needs.
    fn one_to_read(&mut self) -> Result<Option<DumpId>, Stop> {
        let mut choice: Vec<DumpId> = Vec::new();
        if self.dice.one_in(2) {
            let policies = library::policies(&self.config);
            let verdicts = self.catalogue.verdicts(&policies, self.clock())?;
            let free: Vec<Label> = verdicts.reusable().cloned().collect();
            if let Some(label) = self.dice.pick(&free) {
                choice.extend(self.catalogue.parts_on(label)?.into_iter().map(|part| part.dump));
            }
        }
        if choice.is_empty() {
            choice.extend(self.journal.entries.keys());
        }
        let Some(&dump) = self.dice.pick(&choice) else { return Ok(None) };
        let whole = self.catalogue.chain(dump).is_ok_and(|chain| chain.is_whole());
        Ok(whole.then_some(dump))
    }

    /// The next part, or the next dump. False when there is none.
    fn reads_on(&mut self, at: usize) -> Result<bool, Stop> {
        let now = self.clock();
        let reader = &mut self.readers[at];
        let Some(turn) = &mut reader.now else { return self.turns_to_the_next(at) };
        let Some(place) = turn.places.pop_front() else {
            reader.now = None;
            return Ok(!reader.listed.is_empty());
        };
        let cartridge = self.media.cartridge(place.no);
        let lies = cartridge.start == place.start
            && matches!(cartridge.file(place.file), Some(File::Part(s)) if s.dump == place.part);
        let (spoiled, until) = (turn.spoiled, turn.until);
        let gone = self.media.lost.contains(&place.no) || cartridge.health == Health::Dead;
        if lies && !gone {
            return Ok(true);
        }
        let (dump, label) = (turn.dump, &place.label);
        if !lies && !spoiled && now < until {
            return Err(Stop::Wrong(format!(
                "a restore of {dump} goes on, and {label} is lost to it"
            )));
        }
        // It says so, and goes on with the next.
        reader.now = None;
        Ok(!reader.listed.is_empty())
    }

    /// First it is pinned, and then looked up: what was given back before is left out.
    fn turns_to_the_next(&mut self, at: usize) -> Result<bool, Stop> {
        let now = self.clock();
        let reads_unpinned = self.is_broken(Broken::ReadsUnpinned);
        let reader = &mut self.readers[at];
        let Some(dump) = reader.listed.pop_front() else { return Ok(false) };
        let pinned = match reader.reading.turn_to(dump, now) {
            Ok(()) => true,
            Err(ReadingError::Catalogue(
                CatalogueError::NoSuchDump(_) | CatalogueError::Gap(_),
            )) => false,
            Err(error) => return Err(no_reading(error)),
        };
        if reads_unpinned {
            self.sweep_all()?;
        }
        let places = self.look_up(dump)?;
        if places.is_some() != pinned {
            let but = if pinned { "and can't be restored" } else { "and could be restored" };
            return Err(Stop::Wrong(format!("{dump} is pinned: {pinned}, {but}")));
        }
        if !pinned {
            self.tally.count(Fault::ReadTooLate);
        }
        let until = now.plus_days(LASTS);
        self.readers[at].now = places.map(|places| Turn { dump, until, places, spoiled: false });
        Ok(true)
    }

    /// Where the parts lie that restore it, full first; none if it can't be restored any more.
    fn look_up(&self, dump: DumpId) -> Result<Option<VecDeque<Place>>, Stop> {
        let Ok(chain) = self.catalogue.chain(dump) else { return Ok(None) };
        if !chain.is_whole() {
            return Ok(None);
        }
        let mut places = VecDeque::new();
        for link in chain.links.iter().rev() {
            // A file that is open can be read to its end, whoever removes it.
            let copy = link.copies.iter().find(|copy| copy.is_complete());
            let Some(copy) = copy.filter(|_| link.held.is_none()) else { continue };
            for part in self.catalogue.parts(link.dump.id, &copy.storage)? {
                let labelled = self.catalogue.volume(&part.label)?.labelled;
                let start = Start::Label(part.label.clone(), labelled);
                let of_it = |c: &Cartridge| c.start == start;
                let Some(no) = self.media.cartridges.iter().position(of_it) else { continue };
                let (label, file, no) = (part.label, part.file, CartridgeNo(no));
                places.push_back(Place { part: part.dump, label, start: start.clone(), no, file });
            }
        }
        Ok(Some(places))
    }

    /// It leaves its pin, and nobody has its lock any more.
    fn kill(&mut self, at: usize) -> Result<(), Stop> {
        let Reader { who, reading, .. } = self.readers.remove(at);
        self.tell(format_args!("{who} is killed"));
        let left: Vec<Pin> =
            self.catalogue.pins()?.into_iter().filter(|pin| pin.why == who).collect();
        // That takes the lock away, but also the pin: the product has no other end.
        drop(reading);
        for Pin { dump, why, until, .. } in left {
            match self.catalogue.pin(dump, &why, until) {
                // A disaster took what it builds on.
                Ok(_) | Err(CatalogueError::Gap(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The server is cut off: often with all that reads on it.
    pub(crate) fn readers_die(&mut self) -> Result<(), Stop> {
        if self.dice.one_in(2) {
            return Ok(());
        }
        (0..self.readers.len()).rev().try_for_each(|at| self.kill(at))
    }

    /// What is being read now, and until when its pin lasts.
    pub(crate) fn being_read(&self) -> Vec<(DumpId, Stamp)> {
        let turns = self.readers.iter().filter_map(|reader| reader.now.as_ref());
        turns.filter(|turn| !turn.spoiled).map(|turn| (turn.dump, turn.until)).collect()
    }

    /// A volume is gone, and not because it was given back: who reads it can't expect it.
    pub(crate) fn spoil(&mut self, label: &Label) {
        let turns = self.readers.iter_mut().filter_map(|reader| reader.now.as_mut());
        for turn in turns.filter(|turn| turn.places.iter().any(|place| place.label == *label)) {
            turn.spoiled = true;
        }
    }

    /// What was on this cartridge is gone. Nobody was reading it.
    pub(crate) fn check_unread(&self, before: &Cartridge, now: Stamp) -> Result<(), Stop> {
        let turns = self.readers.iter().filter_map(|reader| reader.now.as_ref());
        for turn in turns.filter(|turn| !turn.spoiled && now < turn.until) {
            if let Some(place) = turn.places.iter().find(|place| place.start == before.start) {
                let (dump, label) = (turn.dump, &place.label);
                return Err(Stop::Wrong(format!(
                    "{label} is written over, and a restore of {dump} is reading it"
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn count_kept(&mut self, needed: &Needed) {
        if needed.reasons.iter().all(|reason| reason.rule == Rule::Pin) {
            self.tally.count(Fault::KeptForReader);
        }
    }

    /// As every run begins: pins of whoever is dead are taken back, if nobody lives.
    pub(crate) fn sweep_pins(&mut self) -> Result<usize, Stop> {
        let before = self.catalogue.pins()?;
        if self.is_broken(Broken::SweepsLiving) {
            self.sweep_all()?;
            return Ok(before.len());
        }
        if self.is_broken(Broken::NeverSweeps) {
            return Ok(0);
        }
        reading::sweep(&self.site, &mut self.catalogue).map_err(no_reading)
    }

    fn sweep_all(&mut self) -> Result<(), Stop> {
        let pins = self.catalogue.pins()?;
        Ok(pins.iter().try_for_each(|pin| self.catalogue.unpin(pin.id))?)
    }

    /// Nothing is kept for the dead when a run begins.
    pub(crate) fn check_swept(&self) -> Result<(), Stop> {
        match self.catalogue.pins()?.first() {
            Some(pin) if self.readers.is_empty() => Err(Stop::Wrong(format!(
                "{} is kept for \"{}\", which is dead, and a run begins",
                pin.dump, pin.why
            ))),
            _ => Ok(()),
        }
    }
}

fn no_reading(error: ReadingError) -> Stop {
    Stop::Wrong(format!("nobody can read: {error:?}"))
}
