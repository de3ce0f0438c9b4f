//! Cleaning drives, and getting new cartridges ready for their first use.

use devices::robot::{Cleaned, Proof};
use serde_json::json;
use types::Slot;

use super::{Exit, Work};
use crate::print;

impl Work<'_> {
    pub(super) fn clean(&mut self, drive: &str) -> anyhow::Result<Exit> {
        let drive = self.place.drive(drive)?;
        let done = self.place.library.clean(&drive)?;
        done.in_vain.iter().for_each(|why| print::remark(why));
        let Cleaned { cartridge, slot, in_vain, .. } = &done;
        let proved = done.proof != Proof::None;
        let value = json!({
            "drive": drive, "cartridge": cartridge, "slot": slot, "proved": proved, "in_vain": in_vain,
        });
        let text = format!("drive {drive} {}; the cartridge is back in slot {slot}", done.words());
        self.say(&text, value)
    }

    pub(super) fn calibrate(&mut self, slots: &[u32], drive: Option<&str>) -> anyhow::Result<Exit> {
        let drive = self.place.drive_or_first(drive)?;
        let slots: anyhow::Result<Vec<Slot>> =
            slots.iter().map(|slot| self.place.slot(*slot)).collect();
        let slots = slots?;
        let mut started = |slot: Slot| {
            print::remark(&format!(
                "slot {slot}: into drive {drive} (up to two hours, if it is new)"
            ));
        };
        let done = self.place.library.calibrate(&slots, &drive, &mut started)?;
        let (mut lines, mut values, mut exit) = (Vec::new(), Vec::new(), Exit::Good);
        for calibrated in done {
            let slot = calibrated.slot;
            let trouble = calibrated.outcome.err().map(|e| format!("{:#}", anyhow::Error::from(e)));
            if trouble.is_some() {
                exit = Exit::Complaints;
            }
            let says = trouble.as_deref().unwrap_or("ready for use, and back in its slot");
            lines.push(format!("slot {slot}: {says}"));
            values.push(json!({ "slot": slot, "ready": trouble.is_none(), "trouble": trouble }));
        }
        self.say(&lines.join("\n"), json!({ "drive": drive, "calibrated": values }))?;
        Ok(exit)
    }
}
