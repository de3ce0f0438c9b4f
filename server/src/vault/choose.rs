//! Which dumps are copied to which storage, and in which order they are read.
//!
//! Asked for nothing, a vault makes the copies that were wished for and are due: those of the `vault` of a storage, and
//! those of dumps that went straight to a volume of another storage. Asked for a storage, it makes what that one
//! lacks. Pure: catalogue rows in, copies out.

use std::collections::{BTreeMap, BTreeSet};

use taper::catalogue::{Located, Pending};
use types::{Bytes, DleRef, DumpId, FileNo, Label, Level, Stamp, StorageName};

/// What is to be copied.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// From this storage only.
    pub from: Option<StorageName>,
    /// What these lack, wished for or not; none: what was wished for and is due.
    pub to: BTreeSet<StorageName>,
    /// Which of the wishes count by their storage; none: all.
    pub wishes_of: BTreeSet<StorageName>,
    /// Only level 0.
    pub fulls_only: bool,
    /// Only dumps of the last so many days.
    pub days: Option<u32>,
    /// Only these dumps.
    pub only: Option<BTreeSet<DumpId>>,
}

/// A copy to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Of which dump.
    pub dump: DumpId,
    /// Of what.
    pub dle: DleRef,
    /// At which level.
    pub level: Level,
    /// Made when.
    pub run: Stamp,
    /// How large.
    pub stored: Bytes,
    /// Where it is read.
    pub from: StorageName,
    /// On which volumes.
    pub labels: Vec<Label>,
    /// The storages that get it.
    pub to: Vec<StorageName>,
}

/// The copies that are asked for, and can be made: of dumps that some storage has whole.
pub(crate) fn choose(
    dumps: &[Located],
    pending: &[Pending],
    asked: &Asked,
    now: Stamp,
) -> Vec<Copy> {
    let mut wished = BTreeMap::<DumpId, BTreeSet<&StorageName>>::new();
    let counts = |wish: &&Pending| {
        wish.due <= now && (asked.wishes_of.is_empty() || asked.wishes_of.contains(&wish.storage))
    };
    for wish in pending.iter().filter(counts) {
        wished.entry(wish.dump).or_default().insert(&wish.storage);
    }
    let wanted = |located: &Located| -> Vec<StorageName> {
        let mut storages: BTreeSet<&StorageName> = asked.to.iter().collect();
        if asked.to.is_empty() {
            storages = wished.get(&located.dump.id).cloned().unwrap_or_default();
        }
        storages.retain(|storage| !located.is_complete_in(storage));
        storages.into_iter().cloned().collect()
    };
    let copy = |located: &Located| {
        let dump = &located.dump;
        let to = wanted(located);
        let named = asked.only.as_ref().is_none_or(|only| only.contains(&dump.id))
            && (!asked.fulls_only || dump.level.is_full())
            && asked.days.is_none_or(|days| now.days_since(dump.run) <= days);
        let readable = |from: &&taper::catalogue::Copy| {
            from.is_complete() && asked.from.as_ref().is_none_or(|only| *only == from.storage)
        };
        let from = located.copies.iter().find(readable)?;
        (named && !to.is_empty() && dump.status.is_whole()).then(|| Copy {
            dump: dump.id,
            dle: dump.dle.clone(),
            level: dump.level,
            run: dump.run,
            stored: dump.stored,
            from: from.storage.clone(),
            labels: from.labels.clone(),
            to,
        })
    };
    dumps.iter().filter_map(copy).collect()
}

/// Sorts copies so that each volume is mounted once and read in one direction. `place` says where the first part of
/// a copy's source is.
pub(crate) fn in_reading_order(
    copies: &mut [Copy],
    place: impl Fn(&Copy) -> Option<(Label, FileNo)>,
) {
    copies.sort_by_cached_key(|copy| (copy.from.clone(), place(copy), copy.dump));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use taper::catalogue::{CopyState, Dump, DumpStatus};

    use super::*;

    fn id(n: u64) -> DumpId {
        DumpId::new(n, [0; 10])
    }

    fn name(name: &str) -> StorageName {
        name.parse().unwrap()
    }

    fn day(n: u32) -> Stamp {
        "20260101120000".parse::<Stamp>().unwrap().plus_days(n)
    }

    /// A dump of day n, whole in these storages.
    fn dump(n: u32, level: u16, whole_in: &[&str]) -> Located {
        let copy = |storage: &&str| taper::catalogue::Copy {
            storage: name(storage),
            state: CopyState::Complete,
            labels: vec![format!("{storage}-{n}").parse().unwrap()],
        };
        Located {
            dump: Dump {
                id: id(n.into()),
                dle: DleRef { host: "host".parse().unwrap(), dle: "/data".parse().unwrap() },
                run: day(n),
                level: Level::try_from(level).unwrap(),
                base: (level > 0).then(|| id(1)),
                status: DumpStatus::Good,
                started: day(n),
                finished: day(n),
                took: Duration::ZERO,
                raw: Bytes(10),
                stored: Bytes(10),
                entries: 1,
                frames: 1,
                index_sha: None,
            },
            copies: whole_in.iter().map(copy).collect(),
            held: None,
            expired: None,
        }
    }

    fn wish(n: u32, to: &str, due: u32) -> Pending {
        Pending { dump: id(n.into()), storage: name(to), due: day(due) }
    }

    fn chosen(asked: &Asked, now: u32) -> Vec<(u64, String)> {
        let dumps = [
            dump(1, 0, &["daily"]),
            dump(2, 1, &["daily"]),
            dump(3, 0, &["daily", "offsite"]),
            dump(4, 0, &[]),
        ];
        let wishes = [
            wish(1, "offsite", 5),
            wish(2, "offsite", 7),
            wish(2, "other", 5),
            wish(4, "other", 5),
        ];
        let copies = choose(&dumps, &wishes, asked, day(now));
        let number = |dump| (1..9).find(|&n| id(n) == dump).unwrap();
        let pairs = copies
            .iter()
            .flat_map(|copy| copy.to.iter().map(move |to| (number(copy.dump), to.to_string())));
        pairs.collect()
    }

    fn pairs(pairs: &[(u64, &str)]) -> Vec<(u64, String)> {
        pairs.iter().map(|(n, to)| (*n, (*to).to_owned())).collect()
    }

    #[test]
    fn without_orders_what_is_due_is_copied() {
        let asked = Asked::default();
        assert_eq!(chosen(&asked, 4), pairs(&[]));
        // Dump 4 is nowhere to be read, and stays wished for.
        assert_eq!(chosen(&asked, 5), pairs(&[(1, "offsite"), (2, "other")]));
        assert_eq!(chosen(&asked, 7), pairs(&[(1, "offsite"), (2, "offsite"), (2, "other")]));
    }

    #[test]
    fn a_night_makes_only_the_copies_of_its_vault_storages() {
        let asked = Asked { wishes_of: [name("other")].into(), ..Asked::default() };
        assert_eq!(chosen(&asked, 9), pairs(&[(2, "other")]));
    }

    #[test]
    fn a_storage_that_is_named_gets_what_it_lacks_wished_for_or_not() {
        let to = |to| Asked { to: [name(to)].into(), ..Asked::default() };
        assert_eq!(chosen(&to("offsite"), 1), pairs(&[(1, "offsite"), (2, "offsite")]));
        let fulls = Asked { fulls_only: true, ..to("offsite") };
        assert_eq!(chosen(&fulls, 1), pairs(&[(1, "offsite")]));
        let new = Asked { days: Some(7), ..to("offsite") };
        assert_eq!(chosen(&new, 9), pairs(&[(2, "offsite")]));
        let only = Asked { only: Some([id(1)].into()), ..to("offsite") };
        assert_eq!(chosen(&only, 1), pairs(&[(1, "offsite")]));
        let from = Asked { from: Some(name("offsite")), ..to("other") };
        assert_eq!(chosen(&from, 1), pairs(&[(3, "other")]));
    }

    #[test]
    fn volumes_are_read_one_after_the_other_and_forwards() {
        let dumps = [dump(1, 0, &["a"]), dump(2, 0, &["a"]), dump(3, 0, &["a"])];
        let asked = Asked { to: [name("b")].into(), ..Asked::default() };
        let mut copies = choose(&dumps, &[], &asked, day(9));
        let at = [(id(1), "V2", 1), (id(2), "V1", 7), (id(3), "V1", 2)];
        in_reading_order(&mut copies, |copy| {
            let (_, label, file) = at.iter().find(|(dump, ..)| *dump == copy.dump)?;
            Some((label.parse().unwrap(), FileNo(*file)))
        });
        let order: Vec<DumpId> = copies.iter().map(|copy| copy.dump).collect();
        assert_eq!(order, [id(3), id(2), id(1)]);
    }
}
