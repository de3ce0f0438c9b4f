//! What the chip of a cartridge says, before anything is written on it.
//!
//! Whether its slider is shut, whether it can be written only once, and its serial number, which nobody can stick on another
//! cartridge. A cartridge that may not be written costs itself and nothing else: neither is its volume to blame nor the
//! drive, so no state is changed, and the next one is taken.

use devices::scsi::page::attributes::CartridgeKind;
use devices::ssc::{CartridgeFacts, Protection};
use taper::catalogue::{CatalogueError, Medium};
use taper::mount::Identified;
use types::Label;

use super::super::estimate::with_causes;
use super::Worker;
use crate::library::AnyDrive;
use crate::runlog::RunEvent;

/// What to do about a slider.
const PROTECTED: &str = "it is write-protected: move the slider of the cartridge, and the next run takes it. Nothing was \
                         changed";

impl Worker {
    /// Whether the cartridge may be written at all; if not, why.
    pub(super) fn may_be_written(
        &self,
        facts: &CartridgeFacts,
        found: &Identified<AnyDrive>,
    ) -> Result<(), String> {
        if facts.protection == Some(Protection::Protected) {
            return Err(PROTECTED.to_owned());
        }
        let told = self.settings().tapering.autolabel.as_ref().is_some_and(|rule| rule.worm);
        match found {
            Identified::Blank(_) if facts.is_write_once() && !told => Err(format!(
                "it can be written only once (WORM), and is not labelled by itself: `reelkeep label` does it, or `worm` among \
                 the words of `when` of the autolabel of storage {}",
                self.storage()
            )),
            Identified::Foreign(foreign) if facts.is_write_once() => Err(once(foreign.what())),
            Identified::Blank(_) | Identified::Foreign(_) | Identified::Labelled(_) => Ok(()),
        }
    }

    /// Tells the catalogue what the chip says of a volume that it knows. A serial number that is known stays: if the
    /// label is met on another cartridge, one of them is a copy.
    pub(super) fn learn(&self, label: &Label, facts: &CartridgeFacts) {
        if let Err(error) = self.try_to_learn(label, facts) {
            self.bench.voice.log(RunEvent::Warning { text: with_causes(&error) });
        }
    }

    fn try_to_learn(&self, label: &Label, facts: &CartridgeFacts) -> Result<(), CatalogueError> {
        let mut catalogue = self.bench.catalogue.lock();
        let volume = match catalogue.volume(label) {
            Ok(volume) => volume,
            Err(CatalogueError::NoSuchVolume(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if let (Some(known), Some(found)) = (&volume.serial, &facts.serial)
            && known != found
        {
            let text = format!(
                "{label} was met on the cartridge with the serial number {found}, and is known to be on {known}: one is a \
                 copy, or the label was written twice. Find out with `reelkeep volume scan` which of them has the dumps, \
                 and take the other out of the library"
            );
            self.bench.voice.log(RunEvent::Warning { text });
        }
        let serial = volume.serial.clone().or_else(|| facts.serial.clone());
        let medium = medium(facts).unwrap_or(volume.medium);
        if (medium, &serial) == (volume.medium, &volume.serial) {
            return Ok(());
        }
        catalogue.record_medium(label, medium, serial.as_deref())
    }

    /// Whether nothing was written on a volume since it was labelled.
    pub(super) fn is_only_labelled(&self, label: &Label) -> Result<bool, CatalogueError> {
        let volume = self.bench.catalogue.lock().volume(label)?;
        Ok(volume.last_written.is_none())
    }
}

/// Why something cannot be written over.
pub(super) fn once(what: &str) -> String {
    format!("it can be written only once (WORM), and holds {what}")
}

/// How often a cartridge can be written, if its chip says what it is.
pub(crate) fn medium(facts: &CartridgeFacts) -> Option<Medium> {
    match facts.memory.kind? {
        CartridgeKind::WriteOnce => Some(Medium::WriteOnce),
        CartridgeKind::Data | CartridgeKind::Cleaning { .. } | CartridgeKind::Other(_) => {
            Some(Medium::Rewritable)
        }
    }
}
