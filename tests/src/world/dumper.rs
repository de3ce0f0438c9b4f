//! Dumps in flight: what `server::night::dumper` does, with the world's clients.
//!
//! The order is the product's: the image is whole on the holding disk, the catalogue says so, the client keeps its
//! snapshot, the dispatcher hears of it. Straight to a drive: the dump is begun in the catalogue, its parts are placed,
//! its end is recorded before the last of them, the copy is complete, the client keeps its snapshot.

use std::time::Duration;

use server::dispatcher::{Event, Failure, Share, To};
use server::runlog::RunEvent;
use taper::catalogue::{self, Dump, DumpStatus};
use types::{BlockSize, Bytes, DleRef, DriveId, DumpId, Level, ScriptPoint};

use super::clients::Size;
use super::drive::{Doing, Written};
use super::faults::Fault;
use super::holding::{self, Image};
use super::journal::Entry;
use super::night::Night;
use super::settings::FRAME;
use super::{Broken, Stop};

const AFTER: &str = "the script after it failed";

/// A dump that a client is sending.
pub(crate) struct Flying {
    pub(crate) dle: DleRef,
    pub(crate) level: Level,
    pub(crate) base: Option<DumpId>,
    pub(crate) size: Size,
    pub(crate) to: Sink,
    fate: Fate,
    strange: bool,
    waits: bool,
    aborted: bool,
    /// A disk was full before its time: what was written there can't be gone on with.
    torn: bool,
    /// The catalogue knows that it goes straight to a volume.
    begun: bool,
    began: u64,
    /// The day on which the client looked.
    day: u32,
}

/// Where it goes.
pub(crate) enum Sink {
    Holding(Vec<Share>),
    Drive(DriveId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Good,
    Breaks,
    Refused,
    NoBase,
    Away,
    /// The script before it.
    ScriptBefore,
    /// The script after it: then all of it has arrived.
    ScriptAfter,
}

impl Night<'_> {
    pub(crate) fn start_dump(
        &mut self,
        dump: DumpId,
        dle: DleRef,
        level: Level,
        base: Option<DumpId>,
        to: To,
    ) {
        let day = self.world.day;
        let since = self.world.clients.since(&dle, base);
        let (level, base) = self.mixed_up(&dle, level, base);
        let tree = self.world.clients.trees.get(&dle);
        let size = tree.map_or(Size { raw: FRAME, stored: FRAME }, |tree| {
            tree.size(since.unwrap_or(None), day)
        });
        let fate = match () {
            () if self.world.clients.is_away(&dle.host, day) => Fate::Away,
            () if since.is_err() => Fate::NoBase,
            () if self.world.strikes(Fault::DumpRefused) => Fate::Refused,
            () if self.world.strikes(Fault::DumpBreaks) => Fate::Breaks,
            () if self.world.strikes(Fault::ScriptFails) => self.script_fails(&dle, dump),
            () => Fate::Good,
        };
        let to = match to {
            To::Holding(room) => {
                self.world.holding.partial.insert(dump, room.shares().to_vec());
                Sink::Holding(room.shares().to_vec())
            }
            To::Drive(drive) => {
                if let Some(worker) = self.workers.get_mut(&drive) {
                    worker.doing = Doing::Write { dump, ending: false };
                }
                Sink::Drive(drive)
            }
        };
        let strange = self.world.strikes(Fault::Strange);
        let flying = Flying {
            dle,
            level,
            base,
            size,
            to,
            fate,
            strange,
            waits: false,
            aborted: false,
            torn: false,
            begun: false,
            began: self.seconds,
            day,
        };
        self.flying.insert(dump, flying);
    }

    /// As it should not be: a DLE that was renamed goes on where it was under its old name.
    fn mixed_up(
        &self,
        dle: &DleRef,
        level: Level,
        base: Option<DumpId>,
    ) -> (Level, Option<DumpId>) {
        let old = self.world.renamed.get(dle);
        let old = old.filter(|_| self.world.is_broken(Broken::MixesRenamed) && level.is_full());
        let newest = old.and_then(|old| {
            let of_it = |(_, entry): &(&DumpId, &Entry)| entry.dle == *old && entry.level.is_full();
            self.world.journal.entries.iter().rfind(of_it).map(|(id, _)| *id)
        });
        if newest.is_some() { (Level::FULL.next(), newest) } else { (level, base) }
    }

    /// By the Script API one around the dump fails it, and one of the host is only told.
    fn script_fails(&mut self, dle: &DleRef, dump: DumpId) -> Fate {
        let (at, fate) = match self.world.dice.below(3) {
            0 => (ScriptPoint::PreHostBackup, Fate::Good),
            1 => (ScriptPoint::PreDleBackup, Fate::ScriptBefore),
            _ => (ScriptPoint::PostDleBackup, Fate::ScriptAfter),
        };
        let script = format!("script-{dump}");
        self.world.journal.scripts.push(script.clone());
        let why = "exit code 1".to_owned();
        self.note(RunEvent::ScriptFailed { script, at, about: Some(dle.to_string()), why });
        if fate == Fate::Good {
            return fate;
        }
        self.world.journal.failed.insert(dump, "its script failed");
        if self.world.is_broken(Broken::IgnoresScripts) { Fate::Good } else { fate }
    }

    pub(crate) fn more_room(&mut self, dump: DumpId, room: &[Share]) {
        let Some(flying) = self.flying.get_mut(&dump) else { return };
        flying.waits = false;
        if let Sink::Holding(shares) = &mut flying.to {
            shares.extend(room);
            self.world.holding.partial.insert(dump, shares.clone());
        }
    }

    pub(crate) fn abort(&mut self, dump: DumpId) {
        if let Some(flying) = self.flying.get_mut(&dump) {
            flying.aborted = true;
        }
    }

    /// A dump straight to a drive goes on only while the drive takes its bytes, or by order.
    pub(crate) fn can_go_on(&self, flying: &Flying) -> bool {
        if flying.aborted {
            return true;
        }
        let stuck = |doing: &Doing| matches!(doing, Doing::MountFor { .. } | Doing::Waiting { .. });
        match &flying.to {
            Sink::Holding(_) => !flying.waits,
            Sink::Drive(drive) => {
                !self.workers.get(drive).is_some_and(|worker| stuck(&worker.doing))
            }
        }
    }

    pub(crate) fn dump_goes_on(&mut self, dump: DumpId) -> Result<Vec<Event>, Stop> {
        let Some(flying) = self.flying.get(&dump) else { return Ok(Vec::new()) };
        let too_late = self.world.dice.one_in(4) && self.may_be_too_late(flying);
        let called_off = flying.aborted && !too_late;
        if called_off
            && self.world.is_broken(Broken::KeepsCancelled)
            && let Sink::Holding(shares) = &flying.to
        {
            let half = shares.clone();
            self.world.journal.failed.insert(dump, "it was stopped");
            return self.hold(dump, half);
        }
        let failure = match flying.fate {
            _ if called_off => Some((Failure::Aborted, "it was stopped")),
            Fate::ScriptBefore => Some((Failure::Retry, "the script before it failed")),
            Fate::Away => Some((Failure::Retry, "no route to host")),
            Fate::NoBase => Some((Failure::NoBase, "the client has no such snapshot")),
            Fate::Refused => Some((Failure::Final, "the client says: no such directory")),
            _ if flying.torn => Some((Failure::Retry, "the holding disk is full")),
            Fate::Breaks if self.world.dice.one_in(2) => {
                Some((Failure::Retry, "the agent fell silent"))
            }
            Fate::Breaks | Fate::Good | Fate::ScriptAfter => None,
        };
        if let Some((failure, why)) = failure {
            return self.fail(dump, failure, why);
        }
        match &flying.to {
            Sink::Holding(shares) => {
                let shares = shares.clone();
                self.fill_holding(dump, &shares)
            }
            Sink::Drive(drive) => {
                let drive = drive.clone();
                self.feed_drive(dump, &drive)
            }
        }
    }

    /// All of it may have arrived when it is told to stop.
    fn may_be_too_late(&self, flying: &Flying) -> bool {
        let goes_on = match &flying.to {
            Sink::Holding(_) => !flying.waits,
            Sink::Drive(drive) => {
                let doing = self.workers.get(drive).map(|worker| &worker.doing);
                matches!(doing, Some(Doing::Write { .. }))
            }
        };
        goes_on && flying.fate == Fate::Good
    }

    /// Nothing is left of the dump.
    fn fail(
        &mut self,
        dump: DumpId,
        failure: Failure,
        why: &'static str,
    ) -> Result<Vec<Event>, Stop> {
        self.world.journal.failed.insert(dump, why);
        self.world.holding.partial.remove(&dump);
        if let Some(Flying { to: Sink::Drive(drive), begun, .. }) = self.flying.remove(&dump) {
            self.break_off(&drive, dump);
            if begun {
                let storage = self.storage(&drive);
                self.world.catalogue.restart_copy(dump, &storage)?;
                self.world.step("the parts of a dump that broke off are forgotten")?;
            }
        }
        Ok(vec![Event::DumpFailed { dump, failure, why: why.to_owned() }])
    }

    fn fill_holding(&mut self, dump: DumpId, shares: &[Share]) -> Result<Vec<Event>, Stop> {
        let stored = self.flying[&dump].size.stored;
        let reserved: Bytes = shares.iter().map(|share| share.bytes).sum();
        let fills = self.world.strikes(Fault::HoldingFills);
        let on = self.laid_out(stored, shares);
        let full = shares.last().map(|share| share.disk).filter(|_| fills);
        let flying = self.flying.get_mut(&dump).expect("it is in flight");
        if on.is_none() || full.is_some() {
            flying.waits = true;
            flying.torn = full.is_some();
            if let Some(disk) = full {
                // Somebody else's files: what is there of ours stays.
                let free = self.world.holding.free();
                self.world.holding.foreign[disk.0] += free[disk.0];
            }
            return Ok(vec![Event::NeedsRoom { dump, used: reserved, full }]);
        }
        if self.flying[&dump].fate == Fate::ScriptAfter {
            return self.fail(dump, Failure::Retry, AFTER);
        }
        self.hold(dump, on.unwrap_or_default())
    }

    /// How so many bytes lie in these shares, headers included; `None` if they do not.
    fn laid_out(&self, stored: Bytes, shares: &[Share]) -> Option<Vec<Share>> {
        let header = BlockSize::HEADER.bytes();
        let chunk =
            self.world.settings.chunk.map(|chunk| Bytes(chunk.0 / header.0 * header.0) - header);
        let mut left = stored.rounded_up(header);
        let mut on = Vec::new();
        for share in shares {
            let takes = |data: Bytes| {
                data + header.times(chunk.map_or(1, |chunk| data.0.div_ceil(chunk.0).max(1)))
            };
            let mut data = left.min(share.bytes - header);
            while takes(data) > share.bytes {
                data = data - header;
            }
            if data > Bytes::ZERO {
                on.push(Share { disk: share.disk, bytes: takes(data) });
                left = left - data;
            }
        }
        (left == Bytes::ZERO).then_some(on)
    }

    fn hold(&mut self, dump: DumpId, on: Vec<Share>) -> Result<Vec<Event>, Stop> {
        let flying = self.flying.remove(&dump).expect("it is in flight");
        let row = self.row(dump, &flying);
        let image = Image { dump: row.clone(), on: on.clone(), readable: true };
        let bytes = image.bytes();
        self.world.holding.partial.remove(&dump);
        self.world.holding.images.insert(dump, image);
        self.world.step("an image is whole on the holding disk")?;
        if !self.world.is_broken(Broken::ForgetsToRecord) || !self.world.dice.one_in(20) {
            self.world.catalogue.record_held(&row, &[], &holding::path(dump), bytes)?;
        } else {
            self.world.holding.images.remove(&dump);
        }
        self.world.journal.hold(&row);
        self.world.step("an image is recorded as held")?;
        self.confirm(&flying, dump)?;
        self.done(&row);
        Ok(vec![Event::Held { dump, raw: row.raw, stored: row.stored, on }])
    }

    fn feed_drive(&mut self, dump: DumpId, drive: &DriveId) -> Result<Vec<Event>, Stop> {
        let writes = |doing: &Doing| matches!(doing, Doing::Write { dump: d, .. } if *d == dump);
        if !self.workers.get(drive).is_some_and(|worker| writes(&worker.doing)) {
            return self.fail(dump, Failure::Retry, "the drive took no more of it");
        }
        if !self.flying[&dump].begun {
            let row = Dump {
                status: DumpStatus::Partial,
                stored: Bytes::ZERO,
                ..self.row(dump, &self.flying[&dump])
            };
            self.world.catalogue.begin_direct(&row)?;
            self.flying.get_mut(&dump).expect("it is in flight").begun = true;
            self.world.step("a dump straight to a volume is begun")?;
        }
        let row = self.row(dump, &self.flying[&dump]);
        if self.flying[&dump].fate == Fate::ScriptAfter {
            // Which part is the last is known when the volume is.
            if self.workers.get(drive).is_some_and(|worker| worker.volume.is_none()) {
                let mut events = Vec::new();
                self.regain(drive, &mut events)?;
                return Ok(events);
            }
            if self.is_last(drive, &row) {
                return self.fail(dump, Failure::Retry, AFTER);
            }
        }
        let (written, mut events) = self.write_part(drive, &row, true)?;
        if written == Written::Whole {
            let flying = self.flying.remove(&dump).expect("it is in flight");
            self.confirm(&flying, dump)?;
            self.done(&row);
            if let Some(worker) = self.workers.get_mut(drive) {
                worker.doing = Doing::Nothing;
            }
            events.push(Event::ImagePlaced { drive: drive.clone(), dump });
        }
        Ok(events)
    }

    /// The dump, as the catalogue will know it when it is whole.
    fn row(&self, dump: DumpId, flying: &Flying) -> Dump {
        let started = self.world.stamp_in(flying.began);
        let Size { raw, stored } = flying.size;
        Dump {
            id: dump,
            dle: flying.dle.clone(),
            run: self.run,
            level: flying.level,
            base: flying.base,
            status: if flying.strange { DumpStatus::Strange } else { DumpStatus::Good },
            started,
            finished: self.now(),
            took: Duration::from_secs(self.seconds - flying.began + 1),
            raw,
            stored,
            entries: raw.0 >> 14,
            frames: u32::try_from(stored.0.div_ceil(FRAME.0)).unwrap_or(u32::MAX),
            index_sha: None,
        }
    }

    /// The client keeps its snapshot, and those that later levels may build on.
    fn confirm(&mut self, flying: &Flying, dump: DumpId) -> Result<(), Stop> {
        if self.world.clients.is_away(&flying.dle.host, self.world.day) {
            return Ok(());
        }
        let history = self.world.catalogue.history(&flying.dle)?;
        let facts = catalogue::DleFacts { history, ..catalogue::DleFacts::default() };
        let mut keep: Vec<DumpId> =
            facts.last_of_each_level().into_values().map(|row| row.dump).collect();
        keep.push(dump);
        self.world.clients.confirm(&flying.dle, dump, flying.day, &keep);
        Ok(())
    }

    fn done(&mut self, dump: &Dump) {
        self.world.tally.dumps += 1;
        let strange = u64::from(dump.status == DumpStatus::Strange);
        if strange > 0 {
            let (dle, text) = (dump.dle.clone(), "changed while it was read".to_owned());
            self.note(RunEvent::DumpStrange { dle, dump: dump.id, text });
        }
        let lies = self.world.is_broken(Broken::LiesInTheLog) && self.world.dice.one_in(20);
        let stored = dump.stored.times(if lies { 2 } else { 1 });
        self.note(RunEvent::DumpDone {
            dle: dump.dle.clone(),
            level: dump.level,
            dump: dump.id,
            strange,
            entries: dump.entries,
            raw: dump.raw,
            stored,
            seconds: dump.took.as_secs_f64(),
        });
    }
}
