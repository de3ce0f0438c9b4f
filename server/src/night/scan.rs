//! What a scan for a volume is told: everything that the library and the catalogue know before a cartridge moves.
//!
//! A drive's thread scans to write, `check` to say what would be written: both ask here, so both see the same.

use config::{Config, Storage};
use taper::catalogue::{Catalogue, CatalogueError, Volume, VolumeState};
use taper::scan::{Append, Scan, Situation};
use types::{DriveName, Slot, Stamp};

use crate::clock::Now;
use crate::library::{self, Library, MountTrouble};

/// A scan for the next volume of a storage. `current` is the slot that is in the drive, which is to write.
pub fn of(
    config: &Config,
    storage: &Storage,
    library: &Library,
    catalogue: &Catalogue,
    (drive, current): (Option<&DriveName>, Option<Slot>),
    run: Stamp,
) -> Result<Scan, MountTrouble> {
    let moments = (run, Now::read().stamp());
    situation(config, storage, library, catalogue, (drive, current), moments).map(Scan::new)
}

/// What that scan is told. `run` is who is to write; what may be reused is as of `now`.
pub fn situation(
    config: &Config,
    storage: &Storage,
    library: &Library,
    catalogue: &Catalogue,
    (drive, current): (Option<&DriveName>, Option<Slot>),
    (run, now): (Stamp, Stamp),
) -> Result<Situation, MountTrouble> {
    let (labels, autolabel) = library::labels(storage)?;
    Ok(Situation {
        method: library::method(storage),
        append: Append::Allowed,
        slots: library.slots_for(drive)?,
        current,
        volumes: volumes(storage, catalogue)?,
        verdicts: catalogue.advice(&library::policies(config), now)?,
        pool: storage.pool.clone(),
        labels,
        autolabel,
        names: library::names(config, storage),
        run,
    })
}

/// The volumes as a scan for this storage is to see them: one that has as many images as it may have takes no more.
pub fn volumes(storage: &Storage, catalogue: &Catalogue) -> Result<Vec<Volume>, CatalogueError> {
    let mut volumes = catalogue.volumes()?;
    for volume in &mut volumes {
        if volume.state == VolumeState::Active && has_all_images(storage, catalogue, volume)? {
            volume.state = VolumeState::Full;
        }
    }
    Ok(volumes)
}

/// Whether a volume has as many images as the storage puts on one (`max-dle-by-volume`).
pub fn has_all_images(
    storage: &Storage,
    catalogue: &Catalogue,
    volume: &Volume,
) -> Result<bool, CatalogueError> {
    match storage.tapering.max_dle_by_volume {
        Some(most) if volume.pool == storage.pool => {
            Ok(catalogue.dumps_on(&volume.label)? >= u64::from(most))
        }
        _ => Ok(false),
    }
}

/// Why no slot was taken, for the operator.
pub fn refusals(scan: &Scan) -> String {
    let refusals: Vec<String> = scan.refusals().iter().map(ToString::to_string).collect();
    if refusals.is_empty() {
        "the library has no cartridges".to_owned()
    } else {
        refusals.join("; ")
    }
}
