//! What a person at a terminal sees of a run: a bar for each dump and each volume; elsewhere, lines.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use types::{DleRef, DriveName, DumpId, Label};

use crate::clock::stamp_text;
use crate::print;
use crate::runlog::{Outcome, RunEvent, Target};

/// Shows the events of a run.
pub struct Progress {
    bars: Option<MultiProgress>,
    dumps: BTreeMap<DumpId, Line>,
    drives: BTreeMap<Label, (DriveName, ProgressBar)>,
    expected: BTreeMap<DleRef, u64>,
}

struct Line {
    dle: DleRef,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Bars on a terminal, lines elsewhere; nothing if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let terminal = !quiet && std::io::stderr().is_terminal();
        Self {
            bars: terminal.then(MultiProgress::new),
            dumps: BTreeMap::new(),
            drives: BTreeMap::new(),
            expected: BTreeMap::new(),
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Planned { dle, raw, .. } => {
                self.expected.insert(dle.clone(), raw.0);
            }
            RunEvent::DumpStarted { dle, level, dump, to } => {
                let to = if *to == Target::Holding { "" } else { ", straight to a volume" };
                let bar =
                    self.bar(&format!("{dle} level {level}{to}"), self.expected.get(dle).copied());
                if bar.is_none() {
                    self.say(&format!("{dle}: dumping level {level}{to}"));
                }
                self.dumps.insert(*dump, Line { dle: dle.clone(), bar });
            }
            RunEvent::DumpProgress { dump, raw, entries, .. } => {
                if let Some(bar) = self.dumps.get(dump).and_then(|line| line.bar.as_ref()) {
                    bar.set_length(bar.length().unwrap_or(0).max(raw.0));
                    bar.set_position(raw.0);
                    bar.set_message(format!("{entries} entries"));
                }
            }
            RunEvent::DumpDone { dump, dle, level, entries, raw, stored, seconds, strange } => {
                self.end(*dump);
                let strange =
                    if *strange > 0 { format!(", {strange} complaints") } else { String::new() };
                self.say(&format!(
                    "{dle}: level {level} dumped: {entries} entries, {raw}, stored in {stored}, {seconds:.1} s{strange}"
                ));
            }
            RunEvent::DumpFailed { dle, level, why, again } => {
                let failed: Vec<DumpId> = self
                    .dumps
                    .iter()
                    .filter(|(_, line)| line.dle == *dle)
                    .map(|(dump, _)| *dump)
                    .collect();
                failed.into_iter().for_each(|dump| self.end(dump));
                let again = if *again { "; it will be tried again" } else { "" };
                self.say(&format!("{dle}: level {level} FAILED: {why}{again}"));
            }
            RunEvent::DleFailed { dle, why, .. } => self.say(&format!("{dle}: NO DUMP: {why}")),
            RunEvent::Skipped { dle, why } => self.say(&format!("{dle}: skipped: {why}")),
            RunEvent::ScriptSaid { .. } | RunEvent::ScriptFailed { .. } => {
                self.say(&event.of_script().unwrap_or_default());
            }
            RunEvent::Warning { text } => self.say(&format!("note: {text}")),
            RunEvent::VolumeMounted { drive, label, how, .. } => {
                let bar = self.bar(&format!("{label} in {drive}"), None);
                if let Some(bar) = bar {
                    self.drives.insert(label.clone(), (drive.clone(), bar));
                }
                self.say(&format!("{drive}: {label} is mounted ({how})"));
            }
            RunEvent::VolumeRefused { what, why, .. } => {
                self.say(&format!("{what} is not taken: {why}"))
            }
            RunEvent::OperatorAsked { text } => self.say(text),
            RunEvent::OperatorCame { drive, .. } => {
                self.say(&format!("{drive}: a cartridge was put in"));
            }
            RunEvent::PartPlaced { label, bytes, .. } => {
                if let Some((_, bar)) = self.drives.get(label) {
                    bar.inc(bytes.0);
                }
            }
            RunEvent::VolumeFinished { label, bytes, files, why } => {
                if let Some((_, bar)) = self.drives.remove(label) {
                    bar.finish_and_clear();
                }
                self.say(&format!("{label}: {bytes} in {files} files written; {why}"));
            }
            RunEvent::DriveFailed { drive, blame, why } => {
                self.say(&format!("{drive} FAILED: {why} (to blame: {blame})"));
            }
            RunEvent::VolumeTooSmall { storage, why, .. } => {
                self.say(&format!("{storage}: {why}"));
            }
            RunEvent::DiskFull { storage, path, free } => {
                self.say(&format!("{storage}: {}", crate::runlog::disk_full(path, *free)));
            }
            RunEvent::NoVolume { storage, why } => {
                self.say(&format!("{storage}: NO VOLUME: {why}"))
            }
            RunEvent::NoLibrary { storage, why } => {
                self.say(&format!("{storage}: NO LIBRARY: {why}"));
            }
            RunEvent::StaysHeld { storage, images, .. } => {
                self.say(&format!(
                    "{storage}: takes no more tonight; {images} images are not in it"
                ));
            }
            RunEvent::HoldingAway { disk, why, .. } => {
                self.say(&format!("holding disk {disk} IS AWAY: {why}"));
            }
            RunEvent::DumpLost { dle, level, run, why, .. } => {
                self.say(&format!("{dle}: level {level} of {} IS LOST: {why}", stamp_text(*run)));
            }
            RunEvent::Interrupted => self.say("told to stop: finishing what must be finished"),
            RunEvent::Finished { outcome } => self.say(match outcome {
                Outcome::Good => "all well",
                Outcome::Strange => "done, with complaints",
                Outcome::Failed => "done; something FAILED, see the report",
                Outcome::Interrupted => "stopped",
            }),
            // The command's own error says it.
            RunEvent::BrokenOff { .. }
            | RunEvent::Started { .. }
            | RunEvent::Equipped { .. }
            | RunEvent::Waiting { .. }
            | RunEvent::DumpTimed { .. }
            | RunEvent::DumpTrouble { .. }
            | RunEvent::DriveBegan { .. }
            | RunEvent::DumpStrange { .. }
            | RunEvent::DriveFed { .. }
            | RunEvent::DriveHealth { .. }
            | RunEvent::ImagePlaced { .. }
            | RunEvent::ImageReleased { .. }
            | RunEvent::Stands { .. } => {}
        }
    }

    fn bar(&self, what: &str, length: Option<u64>) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let (bar, template) = match length {
            Some(length) if length > 0 => (
                ProgressBar::new(length),
                "{prefix:<40!} {wide_bar} {bytes:>11}/{total_bytes:<11} {bytes_per_sec:>13} {msg}",
            ),
            _ => (
                ProgressBar::no_length(),
                "{prefix:<40!} {spinner} {bytes:>11} {bytes_per_sec:>13} {msg}",
            ),
        };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bars.add(bar.with_style(style));
        bar.set_prefix(what.to_owned());
        bar.set_message(HumanBytes(0).to_string());
        Some(bar)
    }

    fn end(&mut self, dump: DumpId) {
        if let Some(bar) = self.dumps.remove(&dump).and_then(|line| line.bar) {
            bar.finish_and_clear();
        }
    }

    fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                if let Err(error) = bars.println(line) {
                    tracing::debug!("the terminal takes no more: {error}");
                }
            }
            None => print::remark(line),
        }
    }
}
