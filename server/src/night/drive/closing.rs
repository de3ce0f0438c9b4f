//! A volume closed: the records of the run behind its last part, the catalogue told, the cartridge home.

use taper::catalogue::{VolumeEnd, VolumeState};
use taper::mount::{Appending, Records};
use types::Blame;

use super::super::estimate::with_causes;
use super::super::records;
use super::{Worker, disk};
use crate::clock::Now;
use crate::dispatcher::Event;
use crate::library::AnyDrive;
use crate::runlog::RunEvent;
impl Worker {
    /// Closes the mounted volume: the run's records go behind the last part, and the cartridge back home.
    pub(super) fn close(
        &mut self,
        volume: Appending<AnyDrive>,
        state: VolumeState,
        why: &str,
    ) -> Result<(), String> {
        let label = volume.label().clone();
        let records = records::of_run(
            &self.bench.catalogue.lock(),
            &self.bench.indexdir,
            self.bench.run,
            &label,
        );
        let text = |error: &dyn std::error::Error| with_causes(error);
        let (volume, lacking, placed) = match records {
            Ok(records) => {
                let no_room = || Some("there was no room".to_owned());
                match volume.write_records(self.bench.run, &records) {
                    Ok((volume, Records::NoRoom, placed)) => (volume, no_room(), placed),
                    Ok((volume, Records::Placed(_), placed)) => (volume, None, placed),
                    // All that was placed before is certain.
                    Err(error) if disk::is_full(&error) => {
                        let again = self.mount_again(&label).map_err(|error| text(&error))?;
                        (again.ok_or_else(|| text(&error))?, no_room(), Vec::new())
                    }
                    Err(error) => return Err(text(&error)),
                }
            }
            Err(error) => {
                let (volume, placed) = volume.flush().map_err(|error| with_causes(&error))?;
                (volume, Some(with_causes(&error)), placed)
            }
        };
        for part in &placed {
            self.record(part).map_err(|error| text(&error))?;
        }
        if let Some(why) = lacking {
            let text = format!(
                "{label} has no records of this run ({why}): those on the next volume of the run tell of it too; if there \
                 is none, a rebuild of the catalogue will need its part headers"
            );
            self.bench.voice.log(RunEvent::Warning { text });
        }
        self.lock_written(&label).map_err(|error| text(&error))?;
        self.put_away(volume, state, why)
    }

    /// The run is done with the volume, and all on it is flushed: the catalogue knows, and the cartridge goes back home.
    pub(super) fn put_away(
        &mut self,
        volume: Appending<AnyDrive>,
        state: VolumeState,
        why: &str,
    ) -> Result<(), String> {
        let text = |error: &dyn std::error::Error| with_causes(error);
        let label = volume.label().clone();
        let end = VolumeEnd { file: volume.next_file(), object: volume.next_object() };
        let mut catalogue = self.bench.catalogue.lock();
        let now = Now::read().stamp();
        let recorded = catalogue.record_closed(&label, self.bench.run, end, state, now);
        drop(catalogue);
        recorded.map_err(|error| text(&error))?;
        let pool = volume.start().pool.clone();
        let mut drive = volume.into_drive();
        drive.inscribe(&label, pool.as_ref(), Now::read().stamp());
        let wish = self.examine(&mut drive, &label);
        drive.give_back();
        self.bench.voice.log(RunEvent::VolumeFinished {
            label,
            bytes: self.bytes,
            files: self.files,
            why: why.to_owned(),
        });
        self.library().unload(&self.bench.id.drive).map_err(|error| text(&error))?;
        self.grant(wish);
        Ok(())
    }

    pub(super) fn finish(&mut self) {
        let volume = match (self.volume.take(), self.mounted.take()) {
            (None, Some(label)) => self.mount_again(&label),
            (volume, _) => Ok(volume),
        };
        let closed = match volume {
            Ok(Some(volume)) if volume.drive().is_cut_short() => {
                self.close(volume, VolumeState::Active, disk::CUT_SHORT)
            }
            Ok(Some(volume)) if volume.is_near_end() => {
                self.close(volume, VolumeState::Full, "it is full")
            }
            Ok(Some(volume)) => self.close(volume, VolumeState::Active, "the run is done with it"),
            Ok(None) => Ok(()),
            Err(error) => Err(with_causes(&error)),
        };
        match closed {
            Ok(()) => self.bench.voice.event(Event::VolumeFinished { drive: self.id() }),
            Err(why) => self.failed(Blame::Drive, why),
        }
    }
}
