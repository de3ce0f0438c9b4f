//! After a crash: the rules of `server::night::tidy`, over the world's holding disks.

use server::dispatcher::Share;
use server::night::{destinations, tidy};
use taper::catalogue::{Dump, RunKind, RunStatus};
use types::{DumpId, Stamp};

use super::holding;
use super::stops::Work;
use super::{Broken, Stop, World};

impl World {
    /// Makes disk and catalogue agree again, and says what was done.
    pub(crate) fn tidy(&mut self, now: Stamp) -> Result<Vec<String>, Stop> {
        self.at(Work::Tidy, |world| world.put_in_order(now))
    }

    fn put_in_order(&mut self, now: Stamp) -> Result<Vec<String>, Stop> {
        let mut said = Vec::new();
        if self.is_broken(Broken::NeverTidies) {
            return Ok(said);
        }
        tidy::close_runs(&mut self.catalogue, now, &mut said)?;
        self.step("runs that were cut off are closed")?;
        if self.sweep_pins()? > 0 {
            said.push("nothing is held any more for whoever was killed as he read".to_owned());
        }
        self.check_swept()?;
        self.step("pins of the dead are taken back")?;
        let partial: Vec<(DumpId, Vec<Share>)> =
            std::mem::take(&mut self.holding.partial).into_iter().collect();
        if !partial.is_empty() {
            said.push(format!("{} images that never became whole were removed", partial.len()));
        }
        let on_disk = self.holding.images.keys().copied().collect();
        let config = self.config.clone();
        let wanted = |dump: &Dump| destinations::of_image(&config, &dump.dle, dump.level);
        for id in tidy::unknown(&self.catalogue, &on_disk, wanted)? {
            self.adopt(id, now)?;
            said.push(format!("the image of {id} was found whole, and is known now"));
        }
        for row in tidy::gone(&self.catalogue, &on_disk)? {
            let id = row.dump;
            drop(self.catalogue.discard_held(id, now, "it is no longer on the holding disk")?);
            self.step("a held image that is gone is given up")?;
            // The journal still holds it: nothing takes an image from the disk but who says so.
            said.push(format!("the image of {id} is gone from the holding disk"));
        }
        for (located, wanted) in tidy::superfluous(&self.catalogue, &on_disk, wanted) {
            let id = located.dump.id;
            if located.held.is_none() {
                let bytes =
                    self.holding.images.get(&id).map(holding::Image::bytes).unwrap_or_default();
                self.catalogue.record_held(&located.dump, &[], &holding::path(id), bytes)?;
                self.journal.hold(&located.dump);
                self.step("an image that is on volumes is recorded as held")?;
            }
            let released = self.catalogue.forget_held(id, &wanted)?;
            self.journal.release(id);
            self.step("an image that is on volumes is forgotten as held")?;
            self.holding.images.remove(&released.image().dump);
            self.step("an image that is on volumes is removed")?;
            said.push(format!("the image of {id} is on volumes, and was removed"));
        }
        Ok(said)
    }

    /// What an image says of itself suffices to record it.
    fn adopt(&mut self, id: DumpId, now: Stamp) -> Result<(), Stop> {
        let Some(image) = self.holding.images.get(&id).cloned() else { return Ok(()) };
        if !image.readable {
            return Ok(());
        }
        let run = image.dump.run;
        if self.catalogue.run(run).is_err() {
            self.catalogue.begin_run(run, RunKind::Dump, run, "")?;
            self.catalogue.finish_run(run, now.max(run), RunStatus::Interrupted)?;
        }
        self.catalogue.record_held(&image.dump, &[], &holding::path(id), image.bytes())?;
        self.journal.hold(&image.dump);
        self.step("an image that was found is recorded")
    }
}
