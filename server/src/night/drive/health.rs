//! How the drive is when a volume is done with: what it counted and warns of goes into the log and the report, and
//! it is cleaned if it asks for that.

use config::Cleaning;
use devices::scsi::page::alert::{Concerns, Flag, Severity};
use devices::ssc::{self, FailureAhead, Health};
use taper::catalogue::{CatalogueError, Standing, Strike};
use types::Label;

use super::super::estimate::with_causes;
use super::Worker;
use crate::clock::Now;
use crate::library::AnyDrive;
use crate::runlog::RunEvent;

/// Whether a drive wants to be cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It has none.
    None,
    /// It does.
    ToBeCleaned,
}

impl Worker {
    /// Asks a drive how it and its cartridge are. What it does not tell is left out: a drive that only cannot
    /// say how it is still writes.
    pub(super) fn examine(&self, drive: &mut AnyDrive, label: &Label) -> Wish {
        let Some(tape) = drive.tape() else { return Wish::None };
        match tape.health() {
            Ok(health) => {
                self.bench.voice.log(self.told(&health, label));
                if let Err(error) = self.hold_against(label, &health) {
                    self.bench.voice.log(RunEvent::Warning { text: with_causes(&error) });
                }
                for text in warnings(&health) {
                    let drive = &self.bench.id.drive;
                    let text = format!("drive {drive}, with {label} in it: {text}");
                    self.bench.voice.log(RunEvent::Warning { text });
                }
                wish(&health)
            }
            Err(error) => {
                tracing::info!("{}", with_causes(&error));
                Wish::None
            }
        }
    }

    /// A critical alert that blames the cartridge counts like a failed write: in one drive it may be the drive's dirt, in two
    /// it is the cartridge. What has failed in this run and drive already is not counted again.
    fn hold_against(&self, label: &Label, health: &Health) -> Result<(), CatalogueError> {
        let Some(flag) = health.alerts.iter().find(|flag| blames_cartridge(**flag)) else {
            return Ok(());
        };
        let (drive, run) = (self.called(), self.bench.run);
        let mut catalogue = self.bench.catalogue.lock();
        let before = catalogue.strikes(label)?;
        if before.iter().any(|strike| (&strike.drive, strike.run) == (&drive, run)) {
            return Ok(());
        }
        let why = format!("TapeAlert {}, {}: {}", flag.number(), flag.name(), flag.meaning());
        let strike = Strike { label: label.clone(), drive: drive.clone(), run, why: why.clone() };
        let standing = catalogue.strike(&strike, Now::read().stamp())?;
        drop(catalogue);
        let then = match standing {
            Standing::Suspect => "it takes no more until it is started afresh",
            Standing::Bad => {
                "it has now failed in two drives, and is retired; copy what is still needed on it, and throw it away"
            }
        };
        let text = format!("volume {label}: {then}, since drive {drive} says of it: {why}");
        self.bench.voice.log(RunEvent::Warning { text });
        Ok(())
    }

    /// The same after something failed, while the cartridge is still in the drive: what the drive says of it must not
    /// be told of the next one.
    pub(super) fn examine_failed(&self, label: &Label) {
        match self.library().drive(&self.bench.id.drive) {
            Ok(mut drive) => drop(self.examine(&mut drive, label)),
            Err(error) => tracing::info!("{}", with_causes(&error)),
        }
    }

    fn told(&self, health: &Health, label: &Label) -> RunEvent {
        let writing = health.writing.unwrap_or_default();
        RunEvent::DriveHealth {
            drive: self.called(),
            label: label.clone(),
            alerts: health.alerts.iter().map(|flag| flag.number()).collect(),
            retried: writing.retried,
            uncorrected: writing.uncorrected,
            recovered: health.notes.recovered,
            to_medium: health.through.as_ref().and_then(|through| through.to_medium),
        }
    }

    /// Cleans the drive, now that it is empty, if that is ours to do.
    pub(super) fn grant(&self, wish: Wish) {
        let drive = &self.bench.id.drive;
        let text = match (wish, self.settings().changer.kind.cleaning()) {
            (Wish::None, _) => return,
            (Wish::ToBeCleaned, Cleaning::Server) => match self.library().clean(drive) {
                Ok(done) => {
                    for text in &done.in_vain {
                        self.bench.voice.log(RunEvent::Warning { text: text.clone() });
                    }
                    format!("drive {drive} asked for it, and {}", done.words())
                }
                Err(error) => format!(
                    "drive {drive} asks to be cleaned, and could not be: {}. Put a good cleaning cartridge into the \
                     library, and run `reelkeep library clean {drive}`",
                    with_causes(&error)
                ),
            },
            (Wish::ToBeCleaned, Cleaning::Library) => {
                format!(
                    "drive {drive} asks to be cleaned: the library is set up to do that by itself"
                )
            }
            (Wish::ToBeCleaned, Cleaning::Never) => format!(
                "drive {drive} asks to be cleaned: put a cleaning cartridge into it, or run `reelkeep library clean \
                 {drive}`"
            ),
        };
        self.bench.voice.log(RunEvent::Warning { text });
    }
}

/// Whether the cartridge is unsafe, by what the drive says.
fn blames_cartridge(flag: Flag) -> bool {
    flag.severity() == Severity::Critical && flag.concerns() == Concerns::Cartridge
}

fn wish(health: &Health) -> Wish {
    let asked = health.notes.cleaning == ssc::Cleaning::Asked
        || health.doing.as_ref().is_some_and(|it| it.cleaning_requested || it.cleaning_required)
        || health.alerts.iter().any(|flag| [Flag::CLEAN_NOW, Flag::CLEAN_PERIODIC].contains(flag));
    if asked { Wish::ToBeCleaned } else { Wish::None }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What the operator has to know. That it wants to be cleaned is told elsewhere, with what became of it.
fn warnings(health: &Health) -> Vec<String> {
    let cleaning = [Flag::CLEAN_NOW, Flag::CLEAN_PERIODIC];
    let alerts = health.alerts.iter().filter(|flag| !cleaning.contains(flag));
    let mut told: Vec<String> = alerts
        .map(|flag| {
            let (number, name, meaning) = (flag.number(), flag.name(), flag.meaning());
            format!("TapeAlert {number}, {name}: {meaning}. {}", sentence(flag.advice()))
        })
        .collect();
    if health.notes.failure == FailureAhead::Expected {
        told.push("it expects to fail: have it looked at before it does".to_owned());
    }
    told
}
