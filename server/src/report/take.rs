//! The log of a run, event by event, made into its report.
//!
//! Events come in any order that crashes and several storages can make; one about a dump that was never begun here
//! is about an image that an earlier run had left on the holding disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use types::{Bytes, DleRef, DriveName, DumpId, Label, Level, Stamp, StorageName};

use super::facts::SHOWN;
use super::speed::{self, Clockwork};
use super::{
    Bottleneck, CopyLine, DleLine, DriveLine, Estimate, Facts, Failure, LevelCount, Report, SCHEMA,
    Standing, State, StorageLine, Strange, Totals, Verdict, VolumeLine, Word, advice, of_drive,
};
use crate::clock::stamp_text;
use crate::report::duration;
use crate::runlog::{Cause, Logged, Outcome, RunEvent, disk_full, older};

/// From this share of waiting on, a drive could have written faster.
const SOURCE_BOUND: f64 = 0.1;

/// A report in the making, from a log that is read line by line.
pub struct Making {
    report: Report,
    /// A line was taken.
    begun: bool,
    clockwork: Clockwork,
    lengths: BTreeMap<StorageName, Bytes>,
    unnamed: BTreeSet<StorageName>,
    warnings: BTreeMap<DleRef, usize>,
    /// The line of each DLE, and of each dump.
    of_dle: HashMap<DleRef, usize>,
    of_dump: HashMap<DumpId, usize>,
    /// What was written of each dump; lines get it at the end.
    copies: HashMap<DumpId, Vec<CopyLine>>,
    volumes: HashMap<Label, usize>,
    strange: HashMap<DleRef, usize>,
    /// Why tries came to nothing, and whether another was to come.
    tries: BTreeMap<DleRef, Vec<(Option<Level>, String, bool)>>,
    causes: HashMap<DleRef, Cause>,
    /// Why the run itself gave DLEs up, which is the last word on them.
    given_up: HashMap<DleRef, Cause>,
    /// The storages that take no more, how many images are not in them, and why.
    stays: Vec<(StorageName, u64, String, Option<Cause>)>,
}

impl Making {
    /// Nothing is known of the run but what is configured.
    pub fn new(run: Stamp, facts: Facts) -> Self {
        let report = Report {
            schema: SCHEMA,
            org: facts.org,
            host: facts.host,
            run,
            kind: "dump".to_owned(),
            program: String::new(),
            started: 0,
            planned: None,
            finished: None,
            outcome: None,
            verdict: Verdict { word: Word::Fail, failed: 0, strange: 0, dles: 0, besides: None },
            failures: Vec::new(),
            as_of: None,
            standing: Standing::default(),
            strange: Vec::new(),
            notes: Vec::new(),
            totals: [Totals::default(); 3],
            levels: Vec::new(),
            speed: speed::Speed::default(),
            storages: Vec::new(),
            volumes: Vec::new(),
            drives: Vec::new(),
            dles: Vec::new(),
            unit: facts.unit,
            flushed_by_runs: facts.flushed_by_runs,
        };
        Self {
            report,
            begun: false,
            clockwork: Clockwork::default(),
            lengths: facts.lengths,
            unnamed: facts.unnamed,
            warnings: facts.warnings,
            of_dle: HashMap::new(),
            of_dump: HashMap::new(),
            copies: HashMap::new(),
            volumes: HashMap::new(),
            strange: HashMap::new(),
            tries: BTreeMap::new(),
            causes: HashMap::new(),
            given_up: HashMap::new(),
            stays: Vec::new(),
        }
    }

    /// Takes the next line.
    pub fn take(&mut self, line: &Logged) {
        if !self.begun {
            (self.begun, self.report.started) = (true, line.time);
        }
        self.clockwork.take(line);
        match &line.event {
            RunEvent::Started { kind, program, .. } => {
                self.report.kind.clone_from(kind);
                self.report.program.clone_from(program);
            }
            RunEvent::Finished { outcome } => {
                self.report.finished = Some(line.time);
                self.report.outcome = Some(*outcome);
            }
            RunEvent::Planned { dle, level, raw, stored, why } => {
                self.report.planned.get_or_insert(line.time);
                let line = self.line(dle);
                line.level = Some(*level);
                line.why.clone_from(why);
                line.estimate = Some(Estimate { level: *level, raw: *raw, stored: *stored });
            }
            RunEvent::Skipped { dle, why } => {
                let line = self.line(dle);
                line.state = State::Skipped;
                line.why.clone_from(why);
            }
            RunEvent::Warning { text } => self.report.notes.push(text.clone()),
            RunEvent::ScriptSaid { .. } | RunEvent::ScriptFailed { .. } => {
                self.report.notes.extend(line.event.of_script());
            }
            RunEvent::Stands { site } => self.report.stand(site.clone(), line.time),
            RunEvent::Interrupted => self.fail(
                "the run was told to stop before it was done".to_owned(),
                Some(advice::INTERRUPTED),
            ),
            RunEvent::VolumeTooSmall { storage, why, .. } => {
                self.fail(format!("storage {storage}: {why}"), Some(advice::TOO_SMALL));
            }
            RunEvent::NoVolume { storage, why } => self.fail(
                format!("storage {storage}: no volume to write to: {why}"),
                Some(self.of_kind(advice::NO_VOLUME, advice::NO_VOLUME_FOR_COPIES)),
            ),
            RunEvent::BrokenOff { why } => {
                self.fail(format!("the run broke off: {why}"), Some(advice::BROKEN_OFF));
            }
            RunEvent::NoLibrary { storage, why } => self.fail(
                format!("storage {storage}: nothing could be written: {why}"),
                Some(advice::NO_LIBRARY),
            ),
            RunEvent::DiskFull { storage, path, free } => self.fail(
                format!("storage {storage}: {}", disk_full(path, *free)),
                Some(advice::DISK_FULL),
            ),
            RunEvent::DriveFailed { drive, why, .. } if older::is_of_a_full_disk(why) => {
                self.fail(of_drive(drive, why), Some(advice::DISK_FULL));
            }
            RunEvent::DriveFailed { drive, blame, why } => self.fail(
                format!("{} (to blame: {blame})", of_drive(drive, why)),
                advice::of_drive(blame),
            ),
            RunEvent::StaysHeld { storage, images, why, cause } => {
                let cause = cause.or_else(|| older::of_storage(why));
                self.stays.push((storage.clone(), *images, why.clone(), cause));
            }
            RunEvent::HoldingAway { disk, why, advice } => {
                self.fail(format!("holding disk {disk} was not used: {why}"), Some(advice))
            }
            RunEvent::DumpLost { dle, level, run, why, .. } => self.fail(
                format!("{dle}: the dump at level {level} of {} is LOST: {why}", stamp_text(*run)),
                Some(&advice::of_lost(dle)),
            ),
            RunEvent::VolumeRefused { what, why, .. } => {
                self.report.notes.push(format!("{what} was not taken: {why}"));
            }
            RunEvent::OperatorCame { drive, seconds, found } => {
                let waited = duration(i64::try_from(*seconds).unwrap_or(i64::MAX));
                let text = format!("{drive} waited {waited} for another cartridge: {found}");
                self.report.notes.push(text);
            }
            RunEvent::DriveFed { drive, seconds, waited, starved, .. } => {
                self.feed(drive, *seconds, *waited, *starved);
            }
            event => {
                self.take_dump(line.time, event);
                self.take_volume(event);
            }
        }
    }

    fn take_dump(&mut self, time: i64, event: &RunEvent) {
        match event {
            RunEvent::DumpStarted { dle, level, dump, to } => {
                let line = self.line(dle);
                (line.level, line.dump, line.to) = (Some(*level), Some(*dump), Some(*to));
                line.state = State::Dumping;
                line.tries += 1;
                line.began = Some(time);
                self.index(*dump, dle);
            }
            RunEvent::DumpProgress { dump, entries, raw, stored } => {
                if let Some(line) = self.with_dump(*dump)
                    && line.state == State::Dumping
                {
                    (line.entries, line.raw, line.stored) = (*entries, *raw, *stored);
                }
            }
            RunEvent::DumpStrange { dle, text, .. } => self.complain(dle, text),
            RunEvent::DumpTimed { dump, waits } => {
                if let Some(line) = self.with_dump(*dump) {
                    line.waits = Some(*waits);
                }
            }
            RunEvent::DumpDone { dle, level, dump, strange, entries, raw, stored, seconds } => {
                let line = self.line(dle);
                (line.level, line.dump) = (Some(*level), Some(*dump));
                (line.entries, line.raw, line.stored) = (*entries, *raw, *stored);
                line.dump_seconds = *seconds;
                line.strange = *strange;
                if line.state != State::Placed {
                    line.state = State::Held;
                }
                self.index(*dump, dle);
            }
            // What the client said of it tells more than that nobody knows its size.
            RunEvent::DumpTrouble { dle, cause: Cause::Estimate } => {
                self.causes.entry(dle.clone()).or_insert(Cause::Estimate);
            }
            RunEvent::DumpTrouble { dle, cause } => {
                self.causes.insert(dle.clone(), *cause);
            }
            RunEvent::DumpFailed { dle, level, why, again } => {
                let tries = self.tries.entry(dle.clone()).or_default();
                tries.push((Some(*level), why.clone(), *again));
                let line = self.line(dle);
                if line.state == State::Dumping {
                    line.state = State::Waiting;
                }
            }
            RunEvent::DleFailed { dle, why, cause } => {
                self.line(dle).state = State::Failed;
                if let Some(cause) = cause.or_else(|| older::of_dle(why)) {
                    self.given_up.insert(dle.clone(), cause);
                }
                self.tries.entry(dle.clone()).or_default().push((None, why.clone(), false));
            }
            _ => {}
        }
    }

    fn take_volume(&mut self, event: &RunEvent) {
        match event {
            RunEvent::VolumeMounted { drive, storage, label, how, .. } => {
                let length = self.lengths.get(storage).copied();
                if !self.volumes.contains_key(label) {
                    self.volumes.insert(label.clone(), self.report.volumes.len());
                    self.report.volumes.push(VolumeLine {
                        label: label.clone(),
                        storage: storage.clone(),
                        drive: drive.clone(),
                        how: how.clone(),
                        bytes: Bytes::ZERO,
                        percent: length.map(|_| 0.0),
                        parts: 0,
                        seconds: 0.0,
                        why: String::new(),
                        retried: None,
                    });
                }
            }
            RunEvent::PartPlaced { dump, label, bytes, seconds, .. } => {
                let storage = self.volume(label).map(|volume| volume.storage.clone());
                let copy = self.copy(*dump, storage);
                copy.bytes += *bytes;
                copy.seconds += seconds;
                if copy.labels.last() != Some(label) {
                    copy.labels.push(label.clone());
                }
                if let Some(volume) = self.volume(label) {
                    volume.bytes += *bytes;
                    volume.parts += 1;
                    volume.seconds += seconds;
                }
            }
            RunEvent::DriveHealth { label, retried, .. } => {
                if let Some(volume) = self.volume(label) {
                    volume.retried = *retried;
                }
            }
            RunEvent::ImagePlaced { dle, level, dump, storage, bytes } => {
                if !self.of_dump.contains_key(dump) {
                    self.earlier(dle, *level, *dump, *bytes);
                }
                if let Some(line) = self.with_dump(*dump) {
                    line.state = State::Placed;
                }
                self.copy(*dump, Some(storage.clone())).complete = true;
            }
            RunEvent::VolumeFinished { label, why, .. } => {
                if let Some(volume) = self.volume(label) {
                    volume.why.clone_from(why);
                }
            }
            _ => {}
        }
    }

    /// The line of this DLE's dump of this run.
    fn line(&mut self, dle: &DleRef) -> &mut DleLine {
        let dles = &mut self.report.dles;
        let at = *self.of_dle.entry(dle.clone()).or_insert_with(|| {
            dles.push(DleLine::waiting(dle.clone()));
            dles.len() - 1
        });
        &mut dles[at]
    }

    fn index(&mut self, dump: DumpId, dle: &DleRef) {
        if let Some(&at) = self.of_dle.get(dle) {
            self.of_dump.insert(dump, at);
        }
    }

    fn with_dump(&mut self, dump: DumpId) -> Option<&mut DleLine> {
        let line = self.of_dump.get(&dump).map(|&at| &mut self.report.dles[at]);
        // Of a DLE that had to be dumped again the line is about the newer dump.
        line.filter(|line| line.dump == Some(dump))
    }

    /// A line for an image that an earlier run has made.
    fn earlier(&mut self, dle: &DleRef, level: Level, dump: DumpId, stored: Bytes) {
        self.of_dump.insert(dump, self.report.dles.len());
        self.report.dles.push(DleLine {
            level: Some(level),
            dump: Some(dump),
            earlier: true,
            stored,
            why: "an earlier run had left it on the holding disk".to_owned(),
            ..DleLine::waiting(dle.clone())
        });
    }

    fn volume(&mut self, label: &Label) -> Option<&mut VolumeLine> {
        self.volumes.get(label).map(|&at| &mut self.report.volumes[at])
    }

    fn copy(&mut self, dump: DumpId, storage: Option<StorageName>) -> &mut CopyLine {
        let copies = self.copies.entry(dump).or_default();
        let at = copies.iter().position(|copy| copy.storage == storage).unwrap_or_else(|| {
            copies.push(CopyLine {
                storage,
                labels: Vec::new(),
                bytes: Bytes::ZERO,
                seconds: 0.0,
                complete: false,
            });
            copies.len() - 1
        });
        &mut copies[at]
    }

    /// A failure that is not of a DLE. The same is told once.
    fn fail(&mut self, why: String, advice: Option<&str>) {
        if self.report.failures.iter().any(|told| told.dle.is_none() && told.why == why) {
            return;
        }
        self.report.failures.push(Failure { dle: None, why, advice: advice.map(str::to_owned) });
    }

    /// What is said of copies in place of what is said of dumps.
    fn of_kind(&self, of_dumps: &'static str, of_copies: &'static str) -> &'static str {
        if self.report.kind == "vault" { of_copies } else { of_dumps }
    }

    /// Storages that took no more. Where that was told already, it is not told again.
    fn tell_stays(&mut self) {
        for (storage, images, why, cause) in std::mem::take(&mut self.stays) {
            let about = format!("storage {storage}: ");
            let (rest, advice) = if self.report.kind == "vault" {
                (format!("{images} of the images were not copied to it"), advice::NOT_COPIED)
            } else {
                (format!("{images} of the images stay on the holding disk"), advice::of_held(cause))
            };
            let text = format!("{about}it takes no more tonight, and {rest}");
            if self.report.failures.iter().any(|told| told.why.starts_with(&about)) {
                self.report.notes.push(text);
            } else {
                self.fail(format!("{text}: {why}"), Some(advice));
            }
        }
    }

    /// Dumps in the middle of which the log ends.
    fn tell_cut_off(&mut self) {
        let cut = self.report.dles.iter().filter(|line| line.state == State::Dumping);
        let cut = cut.map(|line| Failure {
            dle: Some(line.dle.clone()),
            why: "no dump: the log of the run ends in the middle of it".to_owned(),
            advice: Some(advice::CUT_OFF.to_owned()),
        });
        self.report.failures.extend(cut.collect::<Vec<_>>());
    }

    fn feed(&mut self, drive: &DriveName, seconds: f64, waited: f64, starved: u32) {
        let drives = &mut self.report.drives;
        let at = drives.iter().position(|line| line.drive == *drive).unwrap_or_else(|| {
            drives.push(DriveLine {
                drive: drive.clone(),
                seconds: 0.0,
                waited: 0.0,
                starved: 0,
                bottleneck: Bottleneck::Drive,
            });
            drives.len() - 1
        });
        let line = &mut drives[at];
        line.seconds += seconds;
        line.waited += waited;
        line.starved = line.starved.saturating_add(starved);
        // Without a stop all the waiting was the first filling of the memory.
        let waited = if line.starved > 0 { line.waited } else { 0.0 };
        let source = waited > line.seconds * SOURCE_BOUND;
        line.bottleneck = if source { Bottleneck::Source } else { Bottleneck::Drive };
    }

    /// Who has to change something, as far as it is known.
    fn cause(&self, dle: &DleRef) -> Option<Cause> {
        self.given_up.get(dle).or_else(|| self.causes.get(dle)).copied()
    }

    fn complain(&mut self, dle: &DleRef, text: &str) {
        let shown = self.warnings.get(dle).copied().unwrap_or(SHOWN);
        let all = &mut self.report.strange;
        let at = *self.strange.entry(dle.clone()).or_insert_with(|| {
            all.push(Strange { dle: dle.clone(), lines: Vec::new(), count: 0 });
            all.len() - 1
        });
        let strange = &mut all[at];
        strange.count += 1;
        if strange.lines.len() < shown {
            strange.lines.push(text.to_owned());
        }
    }

    /// The report, when the log has ended.
    pub fn finish(mut self) -> Report {
        self.tell_stays();
        self.tell_tries();
        if self.report.outcome.is_none() {
            self.tell_cut_off();
        }
        for (dump, copies) in std::mem::take(&mut self.copies) {
            if let Some(line) = self.with_dump(dump) {
                line.copies = copies;
            }
        }
        let report = &mut self.report;
        for line in report.dles.iter_mut().filter(|line| !line.earlier) {
            line.bound = speed::of_dump(line);
        }
        for volume in &mut report.volumes {
            let length = self.lengths.get(&volume.storage).filter(|length| length.0 > 0);
            volume.percent = length.map(|length| volume.bytes.0 as f64 * 100.0 / length.0 as f64);
        }
        report.speed = self.clockwork.speed(report);
        report.storages = storages(report);
        report.volumes.retain(|volume| !self.unnamed.contains(&volume.storage));
        report.dles.sort_by(|a, b| (&a.dle, a.earlier).cmp(&(&b.dle, b.earlier)));
        report.strange.sort_by(|a, b| a.dle.cmp(&b.dle));
        report.totals = totals(&report.dles);
        report.levels = levels(&report.dles);
        report.verdict = verdict(report);
        if report.outcome.is_none() {
            report.notes.push(CUT_OFF.to_owned());
        }
        self.report
    }

    /// Tries that came to nothing are failures where no dump came after all, and notes where one did.
    fn tell_tries(&mut self) {
        let mut failures = Vec::new();
        let mut well_later: BTreeMap<(Option<Level>, String), Vec<String>> = BTreeMap::new();
        for (dle, tries) in std::mem::take(&mut self.tries) {
            let dumped = self.line(&dle).is_whole();
            let Some((_, why, _)) = tries.last().filter(|_| !dumped) else {
                for (level, why, _) in tries {
                    let dles = well_later.entry((level, why)).or_default();
                    if !dles.contains(&dle.to_string()) {
                        dles.push(dle.to_string());
                    }
                }
                continue;
            };
            let again = tries.last().is_some_and(|(_, _, again)| *again);
            let mut others: Vec<&str> = Vec::new();
            for (_, other, _) in &tries {
                if !why.starts_with(other.as_str()) && !others.contains(&other.as_str()) {
                    others.push(other);
                    self.report.notes.push(format!("{dle}: an earlier try failed: {other}"));
                }
            }
            let cause = self.cause(&dle);
            let why = if again {
                format!("no dump yet, and it is to be tried again: {why}")
            } else {
                self.line(&dle).state = State::Failed;
                format!("no dump in this run: {why}")
            };
            let advice = Some(advice::of_dump(&dle, cause, self.line(&dle).tries));
            failures.push(Failure { dle: Some(dle), why, advice });
        }
        self.report.failures.extend(failures);
        self.report.notes.extend(well_later.into_iter().map(|((level, why), dles)| {
            let level = level.map(|level| format!(" level {level}")).unwrap_or_default();
            format!("{}{level}: {why}; it went well later", dles.join(", "))
        }));
    }
}

const CUT_OFF: &str = "this run has not written its end: it is still at work, or it was cut off. If it was, the next \
                       run tidies up by itself";

impl DleLine {
    fn waiting(dle: DleRef) -> Self {
        Self {
            dle,
            level: None,
            dump: None,
            state: State::Waiting,
            earlier: false,
            why: String::new(),
            estimate: None,
            tries: 0,
            began: None,
            to: None,
            strange: 0,
            entries: 0,
            raw: Bytes::ZERO,
            stored: Bytes::ZERO,
            dump_seconds: 0.0,
            waits: None,
            bound: None,
            copies: Vec::new(),
        }
    }
}

fn verdict(report: &Report) -> Verdict {
    let of_run = || report.dles.iter().filter(|line| !line.earlier && line.state != State::Skipped);
    let failed: BTreeSet<&DleRef> =
        of_run().filter(|line| !line.is_whole()).map(|line| &line.dle).collect();
    let word = match report.outcome {
        Some(Outcome::Good) => Word::Ok,
        Some(Outcome::Strange) => Word::Strange,
        Some(Outcome::Failed | Outcome::Interrupted) | None => Word::Fail,
    };
    Verdict {
        word,
        failed: failed.len(),
        strange: of_run().filter(|line| line.strange > 0).count(),
        dles: of_run().count(),
        besides: report.failures.iter().find(|it| it.dle.is_none()).map(|it| it.why.clone()),
    }
}

fn totals(dles: &[DleLine]) -> [Totals; 3] {
    let mut totals = [Totals::default(); 3];
    for line in dles.iter().filter(|line| line.is_whole()) {
        let kind = if line.level == Some(Level::FULL) { 1 } else { 2 };
        for sum in [0, kind] {
            let sum = &mut totals[sum];
            if !line.earlier {
                sum.dumps += 1;
                sum.entries = sum.entries.saturating_add(line.entries);
                sum.raw += line.raw;
                sum.stored += line.stored;
                sum.dump_seconds += line.dump_seconds;
            }
            if let Some(estimate) = line.estimate.filter(|e| Some(e.level) == line.level) {
                sum.estimated += estimate.raw;
                sum.of_estimated += line.raw;
            }
            sum.images += u32::from(line.copies.iter().any(|copy| copy.complete));
            sum.placed += line.placed();
            sum.place_seconds += line.place_seconds();
        }
    }
    totals
}

fn levels(dles: &[DleLine]) -> Vec<LevelCount> {
    let mut levels: BTreeMap<Level, LevelCount> = BTreeMap::new();
    for line in dles.iter().filter(|line| line.is_whole() && !line.earlier) {
        let Some(level) = line.level else { continue };
        let count =
            levels.entry(level).or_insert(LevelCount { level, dumps: 0, stored: Bytes::ZERO });
        count.dumps += 1;
        count.stored += line.stored;
    }
    levels.into_values().collect()
}

fn storages(report: &Report) -> Vec<StorageLine> {
    let mut lines: BTreeMap<&StorageName, StorageLine> = BTreeMap::new();
    for volume in &report.volumes {
        let line = lines.entry(&volume.storage).or_insert_with(|| StorageLine {
            storage: volume.storage.clone(),
            images: 0,
            bytes: Bytes::ZERO,
            seconds: 0.0,
            labels: Vec::new(),
        });
        line.bytes += volume.bytes;
        line.seconds += volume.seconds;
        line.labels.push(volume.label.clone());
    }
    for copy in report.dles.iter().flat_map(|line| &line.copies).filter(|copy| copy.complete) {
        if let Some(line) = copy.storage.as_ref().and_then(|storage| lines.get_mut(storage)) {
            line.images += 1;
        }
    }
    lines.into_values().collect()
}
