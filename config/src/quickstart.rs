//! The configuration that `reelkeep quickstart PATH…` writes.
//!
//! It is meant to be read and changed by the person who just saw it work: each setting has a line that says
//! what it does, and all that this page does not mention is at its default.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use types::Bytes;

use crate::shown::quoted;
use crate::units::{days_text, size_text};

/// What `quickstart` has to know.
#[derive(Clone, Debug)]
pub struct Quickstart {
    /// The directory of the site, absolute.
    pub site: PathBuf,
    /// What is to be dumped, absolute.
    pub paths: Vec<PathBuf>,
    /// How many vtapes there will be.
    pub slots: u32,
    /// What each of them holds.
    pub length: Bytes,
    /// The most that a night may fill.
    pub runtapes: u32,
}

impl Quickstart {
    /// A site with thirty vtapes of 100 GiB, four a night: with a full each week and two weeks to go back
    /// to, some twenty-two are needed at a time. An empty vtape takes no space.
    pub fn new(site: PathBuf, paths: Vec<PathBuf>) -> Self {
        Self { site, paths, slots: 30, length: Bytes::GIB.times(100), runtapes: 4 }
    }
}

/// A path that cannot be written down in a configuration.
#[derive(Debug, thiserror::Error)]
pub enum BadPath {
    /// TOML is UTF-8.
    #[error("{0:?} is not UTF-8, and a configuration is: dump the directory above it")]
    NotText(PathBuf),
    /// The working directory is nobody's business below `main`.
    #[error("{0:?} is not an absolute path")]
    Relative(PathBuf),
}

/// The text of the site's `reelkeep.toml`.
pub fn quickstart(settings: &Quickstart) -> Result<String, BadPath> {
    let Quickstart { slots, length, runtapes, .. } = settings;
    let length = size_text(length.0);
    let runtapes = runtapes.min(slots);
    // Each night fills a volume or more. To go back to a day takes those up to the full before it.
    let cycle = (slots / 2).clamp(1, 7);
    let days = quoted(&days_text(cycle));
    let recover = slots.saturating_sub(cycle + 4).clamp(1, 14);
    let kept = (slots / 4).max(1);
    let mut text = format!(
        r#"# Written by `reelkeep quickstart`. Change what you like, then run: reelkeep -c . config check
# Every key is explained in the manual, in the chapter on configuration.

[site]
dumpcycle = {days}       # a full dump of each DLE at least this often, spread over the nights
tapecycle = {slots}             # how many volumes there are
runtapes = {runtapes}               # the most that one night may fill
inparallel = 4             # DLEs dumped at once
maxdumps = 2               # of them on one host
mailto = []                # who gets the report, [ "root@localhost" ] for instance
autoflush = "all"          # a night also writes what an earlier one left on the holding disk

# Images wait here until they are on a volume.
[holdingdisk.holding]
directory = "holding"
use = "-1 GiB"             # all that is free but this much

# Volumes are files in this directory, a slot each, as if it were a tape library.
[changer.vtapes]
type = "vtape"
directory = "vtapes"
slots = {slots}

[tapetype.vtape]
length = "{length}"         # an empty volume takes no space

# How long a volume is kept. Any of these keeps it.
[policy.recent]
retention-recover = {recover}     # every day of the last so many can be restored
retention-full = 1         # and the last full of each DLE, however old
retention-tapes = {kept}        # and the newest volumes, so many

[storage.daily]
tpchanger = "vtapes"
tapetype = "vtape"
policy = "recent"
autolabel = "DAILY-%%%"    # blank volumes become DAILY-001, DAILY-002, …

# How trees are dumped.
[dumptype.tree]
exclude-caches = true      # not what programs have marked as a cache with CACHEDIR.TAG

# What is dumped.
"#
    );
    for path in &settings.paths {
        let name = path.to_str().ok_or_else(|| BadPath::NotText(path.clone()))?;
        if !path.is_absolute() {
            return Err(BadPath::Relative(path.clone()));
        }
        let path = quoted(name);
        write_dle(&mut text, &path, exclude(&settings.site, Path::new(name)).as_deref());
    }
    Ok(text)
}

fn write_dle(text: &mut String, path: &str, exclude: Option<&str>) {
    let exclude = exclude.map_or_else(String::new, |pattern| {
        let pattern = quoted(pattern);
        format!("exclude = [{pattern}]    # the dumps themselves\n")
    });
    // Writing to a String cannot fail.
    let _unfailing = writeln!(
        text,
        "[[dle]]\nhost = \"localhost\"\npath = {path}\ndumptype = \"tree\"\n{exclude}"
    );
}

/// The pattern that keeps the site out of a DLE that contains it.
fn exclude(site: &Path, path: &Path) -> Option<String> {
    let below = site.strip_prefix(path).ok()?.to_str()?;
    (!below.is_empty()).then(|| format!("./{}", globset::escape(below)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::changer::ChangerKind;
    use crate::model::Config;

    fn read_back(settings: &Quickstart) -> Config {
        let text = quickstart(settings).unwrap();
        let file = settings.site.join("reelkeep.toml");
        crate::read(&[(file, text.clone())]).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
    }

    #[test]
    fn what_quickstart_writes_reads_back_without_a_complaint() {
        let paths = vec![PathBuf::from("/usr"), PathBuf::from("/home/me")];
        let config = read_back(&Quickstart::new("/srv/site".into(), paths));
        assert!(config.hints.is_empty(), "{}", crate::pictures(&config.hints, false));
        let names: Vec<&str> = config.dles.iter().map(|dle| dle.name.as_str()).collect();
        assert_eq!(names, ["/usr", "/home/me"]);
        assert_eq!(config.holding[0].directory, Path::new("/srv/site/holding"));
        let [storage] = config.storages.as_slice() else { panic!("one storage") };
        let ChangerKind::Vtape { directory, slots, drives } = &storage.changer.kind else {
            panic!("quickstart makes vtapes")
        };
        assert_eq!((directory.as_path(), *slots, *drives), (Path::new("/srv/site/vtapes"), 30, 1));
        assert_eq!(storage.policy.retention_recover, 14);
        assert_eq!(storage.tapering.autoflush, crate::Autoflush::All);
    }

    #[test]
    fn a_site_inside_what_it_dumps_is_left_out() {
        let paths = vec![PathBuf::from("/home/me")];
        let config = read_back(&Quickstart::new("/home/me/reelkeep-site".into(), paths));
        assert_eq!(config.dles[0].dumping.picks.exclude, ["./reelkeep-site"]);
        assert!(config.hints.is_empty(), "{}", crate::pictures(&config.hints, false));
    }

    #[test]
    fn a_site_with_an_odd_name_is_left_out_by_that_name() {
        let site = "/home/me/backups [new] {1}";
        let config = read_back(&Quickstart::new(site.into(), vec!["/home/me".into()]));
        let pattern = &config.dles[0].dumping.picks.exclude[0];
        let glob = globset::Glob::new(pattern.strip_prefix("./").unwrap()).unwrap();
        assert!(glob.compile_matcher().is_match("backups [new] {1}"), "{pattern}");
    }

    #[test]
    fn paths_that_toml_cannot_hold_are_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = PathBuf::from(std::ffi::OsString::from_vec(b"/\xff".to_vec()));
        assert!(quickstart(&Quickstart::new("/s".into(), vec![odd])).is_err());
        assert!(quickstart(&Quickstart::new("/s".into(), vec!["a".into()])).is_err());
    }

    proptest! {
        #[test]
        fn any_path_can_be_started_with(name in "[^/\\x00-\\x1f\\x7f-\\x9f]{1,60}", slots in 2u32..99) {
            prop_assume!(name != ".." && name != ".");
            let path = PathBuf::from(format!("/{name}"));
            let settings = Quickstart { slots, ..Quickstart::new("/s".into(), vec![path.clone()]) };
            let config = read_back(&settings);
            prop_assert_eq!(&config.dles[0].path, &path);
        }
    }
}
