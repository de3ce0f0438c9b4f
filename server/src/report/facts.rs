//! What the configuration says of a report.

use std::collections::{BTreeMap, BTreeSet};

use config::{Autoflush, Config, DisplayUnit, Storage};
use types::{Bytes, DleRef, StorageName};

/// What neither the log of a run says nor the catalogue.
#[derive(Debug, Default)]
pub struct Facts {
    /// The site's name.
    pub org: String,
    /// The server's name.
    pub host: String,
    /// What a volume of each storage takes.
    pub lengths: BTreeMap<StorageName, Bytes>,
    /// The storages whose volumes are not to be named.
    pub unnamed: BTreeSet<StorageName>,
    /// How many complaints are shown of a DLE's dump, where that is not [`SHOWN`].
    pub warnings: BTreeMap<DleRef, usize>,
    /// In which unit sizes are written.
    pub unit: Unit,
    /// Whether runs write what waits on the holding disk (`autoflush`); none if that is not known.
    pub flushed_by_runs: Option<bool>,
}

/// How many complaints of one dump are shown, unless its DLE says otherwise.
pub const SHOWN: usize = 20;

/// In which unit sizes are written: `displayunit`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Unit(Option<(u64, &'static str)>);

impl Unit {
    fn of(unit: DisplayUnit) -> Self {
        Self(match unit {
            DisplayUnit::Auto => None,
            DisplayUnit::Kib => Some((1 << 10, "KiB")),
            DisplayUnit::Mib => Some((1 << 20, "MiB")),
            DisplayUnit::Gib => Some((1 << 30, "GiB")),
            DisplayUnit::Tib => Some((1 << 40, "TiB")),
        })
    }

    /// A size in this unit; without one, in that which suits it.
    pub(super) fn show(self, bytes: Bytes) -> String {
        match self.0 {
            None => bytes.to_string(),
            Some((1024, name)) => format!("{} {name}", bytes.0.div_ceil(1024)),
            Some((unit, name)) => format!("{:.1} {name}", bytes.0 as f64 / unit as f64),
        }
    }
}

/// As it is configured.
pub fn configured(config: &Config) -> Facts {
    let named = |storage: &&Storage| config.site.storage.contains(&storage.name);
    let unnamed = config.storages.iter().filter(named).filter(|s| !s.tapering.report_use_media);
    Facts {
        org: config.site.org.clone(),
        host: host(),
        lengths: config.storages.iter().map(|s| (s.name.clone(), s.tapetype.length)).collect(),
        unnamed: unnamed.map(|storage| storage.name.clone()).collect(),
        warnings: warnings(config),
        unit: Unit::of(config.site.displayunit),
        flushed_by_runs: Some(
            config.storages.iter().filter(named).any(|s| s.tapering.autoflush != Autoflush::No),
        ),
    }
}

/// How many complaints are shown, of DLEs that say so.
fn warnings(config: &Config) -> BTreeMap<DleRef, usize> {
    let shown = config.dles.iter().map(|dle| {
        let most = match dle.dumping.max_warnings {
            0 => usize::MAX,
            most => usize::try_from(most).unwrap_or(usize::MAX),
        };
        (dle.reference(), most)
    });
    shown.filter(|(_, most)| *most != SHOWN).collect()
}

/// This machine's name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_in_the_unit_that_is_wanted() {
        let cases = [
            (DisplayUnit::Auto, "1.50 GiB"),
            (DisplayUnit::Kib, "1572865 KiB"),
            (DisplayUnit::Mib, "1536.0 MiB"),
            (DisplayUnit::Gib, "1.5 GiB"),
            (DisplayUnit::Tib, "0.0 TiB"),
        ];
        for (unit, shown) in cases {
            assert_eq!(Unit::of(unit).show(Bytes((3 << 29) + 1)), shown);
        }
    }
}
