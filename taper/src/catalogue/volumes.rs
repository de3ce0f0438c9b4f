//! Volumes: labelled media.
//!
//! A new volume's label is first chosen here, then written, then recorded as written. A crash between leaves
//! a label that is taken and perhaps not on any medium; the next new volume of the pool gets it.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use types::{
    Barcode, BlockSize, Bytes, DumpId, FileNo, Label, ObjectNo, PoolName, Slot, Stamp, StorageName,
};

use super::events::{EventKind, log};
use super::sql::{bytes, get, get_maybe, int, maybe, number, number_maybe, text, words};
use super::{Catalogue, CatalogueError, Locked, OffSite, Trouble, copies, dumps, holds};

/// What may be done with a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VolumeState {
    /// Its label is chosen, and perhaps already written.
    Chosen,
    /// Nothing but the label is on it, or nothing that is wanted.
    Labelled,
    /// It can be written on behind its last file.
    Active,
    /// It takes no more.
    Full,
    /// It is read, but never written again.
    Retired,
    /// It can't be found.
    Missing,
}

words!(
    VolumeState,
    "state of a volume",
    Chosen = "chosen",
    Labelled = "labelled",
    Active = "active",
    Full = "full",
    Retired = "retired",
    Missing = "missing",
);

/// How often a medium can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Medium {
    /// Again and again, as far as anybody knows.
    #[default]
    Rewritable,
    /// Once (WORM): what is written stays, and more is written behind it.
    WriteOnce,
}

words!(Medium, "kind of a medium", Rewritable = "rewritable", WriteOnce = "write-once");

/// What the operator says about reusing a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lock {
    /// Nothing: retention decides.
    #[default]
    Open,
    /// Never.
    NoReuse,
    /// Not before then.
    Until(Stamp),
}

impl Lock {
    /// Whether it keeps the volume from being reused now.
    pub fn holds(self, now: Stamp) -> bool {
        match self {
            Self::Open => false,
            Self::NoReuse => true,
            Self::Until(day) => now < day,
        }
    }

    /// Whether `new` in its place would end a promise before its day. A lock without a day promises nothing: it can be
    /// ended at any time, and so is no substitute for one with a day.
    pub fn is_broken_by(self, new: Self, now: Stamp) -> bool {
        match (self, new) {
            (Self::Until(day), Self::Until(new)) => now < day && new < day,
            (Self::Until(day), Self::Open | Self::NoReuse) => now < day,
            (Self::Open | Self::NoReuse, _) => false,
        }
    }
}

/// Where a volume ends: the file that would be written next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VolumeEnd {
    /// Its number.
    pub file: FileNo,
    /// The object of the volume that it would begin at, if the drive counts.
    pub object: Option<ObjectNo>,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The name in its file 0.
    pub label: Label,
    /// Used like which others.
    pub pool: PoolName,
    /// By which storage.
    pub storage: StorageName,
    /// What its sticker claims.
    pub barcode: Option<Barcode>,
    /// Where it was seen last.
    pub slot: Option<Slot>,
    /// How often its medium can be written.
    pub medium: Medium,
    /// The maker's serial number of its cartridge, if the chip told it.
    pub serial: Option<String>,
    /// The length of its blocks.
    pub block_size: BlockSize,
    /// What may be done with it.
    pub state: VolumeState,
    /// The stamp in its label: the run that began it, or none if it was only labelled.
    pub labelled: Option<Stamp>,
    /// The run that wrote on it first, since it was labelled.
    pub first_written: Option<Stamp>,
    /// The run that wrote on it last.
    pub last_written: Option<Stamp>,
    /// Where it ends.
    pub end: VolumeEnd,
    /// What its images hold.
    pub bytes: Bytes,
    /// What the operator says.
    pub lock: Lock,
    /// Who said so, when, and why.
    pub locked: Locked,
    /// Where it is, if it is not at hand.
    pub off_site: Option<OffSite>,
}

impl Volume {
    /// A volume that is about to get its label.
    pub fn new(label: Label, pool: PoolName, storage: StorageName, block_size: BlockSize) -> Self {
        Self {
            label,
            pool,
            storage,
            barcode: None,
            slot: None,
            medium: Medium::Rewritable,
            serial: None,
            block_size,
            state: VolumeState::Chosen,
            labelled: None,
            first_written: None,
            last_written: None,
            end: VolumeEnd { file: FileNo::FIRST, object: None },
            bytes: Bytes::ZERO,
            lock: Lock::Open,
            locked: Locked::default(),
            off_site: None,
        }
    }
}

impl Catalogue {
    /// A label is chosen for a new volume, which is then written and recorded by [`Self::record_labelled`].
    /// A label that was chosen before and never recorded may be chosen again.
    pub fn choose_label(&mut self, volume: &Volume) -> Result<(), CatalogueError> {
        let volume = Volume { state: VolumeState::Chosen, ..volume.clone() };
        self.write("choose a label", |tx| match one(tx, &volume.label)? {
            Some(old) if old.state != VolumeState::Chosen => {
                Err(CatalogueError::LabelTaken(old.label).into())
            }
            _ => insert(tx, &volume),
        })
    }

    /// The label is on the medium, for the first time or afresh, and the volume ends behind it.
    pub fn record_labelled(
        &mut self,
        label: &Label,
        stamp: Option<Stamp>,
        block_size: BlockSize,
        end: VolumeEnd,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        self.write("record that a volume is labelled", |tx| {
            known(tx, label)?;
            if !copies::parts_on(tx, label)?.is_empty() {
                // Nobody gets here with a `Reusable`. What the medium says is true all the same.
                forget_parts(tx, label, now)?;
            }
            tx.prepare_cached(
                "UPDATE volumes SET state = CASE state WHEN 'retired' THEN state ELSE 'labelled' END,
                 labelled = ?2, block = ?3, next_file = ?4, next_at = ?5, first = NULL, last = NULL, bytes = 0
                 WHERE label = ?1",
            )?
            .execute(params![
                label.as_str(),
                maybe(stamp),
                int(block_size.bytes().0),
                end.file.0,
                end.object.map(|object| int(object.0)),
            ])?;
            log(tx, now, stamp, EventKind::Volume, &format!("{label} is labelled"))
        })
    }

    /// Takes over a volume that was labelled elsewhere, as it is described.
    pub fn adopt_volume(&mut self, volume: &Volume, now: Stamp) -> Result<(), CatalogueError> {
        self.write("take over a volume", |tx| {
            if one(tx, &volume.label)?.is_some_and(|old| old.state != VolumeState::Chosen) {
                return Err(CatalogueError::LabelTaken(volume.label.clone()).into());
            }
            insert(tx, volume)?;
            log(tx, now, None, EventKind::Volume, &format!("{} is taken over", volume.label))
        })
    }

    /// Something that is no part was written on the volume, such as the records of a run: it now ends there.
    pub fn record_end(
        &mut self,
        label: &Label,
        run: Stamp,
        end: VolumeEnd,
    ) -> Result<(), CatalogueError> {
        self.write("record where a volume ends", |tx| {
            known(tx, label)?;
            grew(tx, label, run, end, Bytes::ZERO)
        })
    }

    /// A run is done with the volume: it now ends there, and is in this state. One that a person has retired meanwhile
    /// stays so.
    pub fn record_closed(
        &mut self,
        label: &Label,
        run: Stamp,
        end: VolumeEnd,
        state: VolumeState,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        self.write("record that a volume is closed", |tx| {
            let volume = known(tx, label)?;
            grew(tx, label, run, end, Bytes::ZERO)?;
            if volume.state != VolumeState::Retired {
                put_state(tx, &volume, state, now)?;
            }
            Ok(())
        })
    }

    /// Where a volume was seen, and with which sticker. A cartridge is in one slot, and a slot holds one.
    pub fn record_seen(
        &mut self,
        label: &Label,
        slot: Option<Slot>,
        barcode: Option<&Barcode>,
    ) -> Result<(), CatalogueError> {
        self.write("record where a volume is", |tx| {
            let volume = known(tx, label)?;
            let slot = slot.map(|slot| slot.0);
            tx.prepare_cached("UPDATE volumes SET slot = NULL WHERE slot = ?1 AND storage = ?2")?
                .execute(params![slot, volume.storage.as_str()])?;
            tx.prepare_cached(
                "UPDATE volumes SET slot = ?2, barcode = COALESCE(?3, barcode),
                 state = CASE state WHEN 'missing' THEN 'full' ELSE state END WHERE label = ?1",
            )?
            .execute(params![label.as_str(), slot, barcode.map(Barcode::as_str)])?;
            Ok(())
        })
    }

    /// What the chip of its cartridge says of it.
    pub fn record_medium(
        &mut self,
        label: &Label,
        medium: Medium,
        serial: Option<&str>,
    ) -> Result<(), CatalogueError> {
        self.write("record what a cartridge is", |tx| {
            known(tx, label)?;
            tx.prepare_cached("UPDATE volumes SET medium = ?2, serial = ?3 WHERE label = ?1")?
                .execute(params![label.as_str(), medium.as_str(), serial])?;
            Ok(())
        })
    }

    /// What was met in a slot that was thought to hold something else: a volume, or none that is known. Whatever was
    /// thought to be there is not.
    pub fn record_met(
        &mut self,
        storage: &StorageName,
        slot: Slot,
        barcode: Option<&Barcode>,
        label: Option<&Label>,
    ) -> Result<(), CatalogueError> {
        let known = label.map(|label| (label, self.volume(label)));
        match known {
            Some((label, Ok(_))) => return self.record_seen(label, Some(slot), barcode),
            Some((_, Err(CatalogueError::NoSuchVolume(_)))) | None => {}
            Some((_, Err(error))) => return Err(error),
        }
        self.write("record where a volume is not", |tx| {
            tx.prepare_cached("UPDATE volumes SET slot = NULL WHERE slot = ?1 AND storage = ?2")?
                .execute(params![slot.0, storage.as_str()])?;
            Ok(())
        })
    }

    /// What may be done with a volume from now on.
    pub fn set_state(
        &mut self,
        label: &Label,
        state: VolumeState,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        self.write("change the state of a volume", |tx| {
            let volume = known(tx, label)?;
            put_state(tx, &volume, state, now)
        })
    }

    /// The volume is no more, and with it all that was on it. Returns the dumps that it had parts of.
    pub fn remove_volume(
        &mut self,
        label: &Label,
        now: Stamp,
    ) -> Result<Vec<DumpId>, CatalogueError> {
        self.write("remove a volume", |tx| {
            known(tx, label)?;
            let lost = forget_parts(tx, label, now)?;
            tx.prepare_cached("DELETE FROM volumes WHERE label = ?1")?.execute([label.as_str()])?;
            log(tx, now, None, EventKind::Operator, &format!("{label} is removed"))?;
            Ok(lost)
        })
    }

    /// One volume.
    pub fn volume(&self, label: &Label) -> Result<Volume, CatalogueError> {
        self.read("look up a volume", |c| known(c, label))
    }

    /// All volumes, by label.
    pub fn volumes(&self) -> Result<Vec<Volume>, CatalogueError> {
        self.read("list its volumes", select)
    }
}

/// Forgets what is on a volume, and what is then nowhere to be had has expired.
pub(super) fn forget_parts(
    c: &Connection,
    label: &Label,
    now: Stamp,
) -> Result<Vec<DumpId>, Trouble> {
    let lost = copies::parts_on(c, label)?;
    c.prepare_cached("DELETE FROM parts WHERE label = ?1")?.execute([label.as_str()])?;
    copies::bereave(c, &lost)?;
    let mut dumps: Vec<DumpId> = lost.into_iter().map(|part| part.dump).collect();
    dumps.sort();
    dumps.dedup();
    dumps::expire(c, &dumps, now)?;
    Ok(dumps)
}

fn put_state(
    c: &Connection,
    volume: &Volume,
    state: VolumeState,
    now: Stamp,
) -> Result<(), Trouble> {
    let label = &volume.label;
    c.prepare_cached("UPDATE volumes SET state = ?2 WHERE label = ?1")?
        .execute([label.as_str(), state.as_str()])?;
    let what = format!("{label} was {}, and is {state}", volume.state);
    log(c, now, None, EventKind::Volume, &what)
}

/// A run has written on the volume, which now ends there.
pub(super) fn grew(
    c: &Connection,
    label: &Label,
    run: Stamp,
    end: VolumeEnd,
    by: Bytes,
) -> Result<(), Trouble> {
    c.prepare_cached(
        "UPDATE volumes SET first = COALESCE(first, ?2), last = MAX(COALESCE(last, ''), ?2),
         next_file = ?3, next_at = ?4, bytes = bytes + ?5,
         state = CASE state WHEN 'labelled' THEN 'active' ELSE state END WHERE label = ?1",
    )?
    .execute(params![
        label.as_str(),
        text(run),
        end.file.0,
        end.object.map(|object| int(object.0)),
        int(by.0)
    ])?;
    Ok(())
}

pub(super) fn one(c: &Connection, label: &Label) -> Result<Option<Volume>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM volumes WHERE label = ?1")?;
    Ok(statement.query_row([label.as_str()], of_row).optional()?)
}

pub(super) fn known(c: &Connection, label: &Label) -> Result<Volume, Trouble> {
    one(c, label)?.ok_or_else(|| CatalogueError::NoSuchVolume(label.clone()).into())
}

pub(super) fn select(c: &Connection) -> Result<Vec<Volume>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM volumes ORDER BY label")?;
    Ok(statement.query_map([], of_row)?.collect::<Result<_, _>>()?)
}

pub(super) fn insert(c: &Connection, volume: &Volume) -> Result<(), Trouble> {
    c.prepare_cached(
        "INSERT OR REPLACE INTO volumes
         (label, pool, storage, barcode, slot, block, state, labelled, first, last, next_file, next_at,
          bytes, lock, lock_why, lock_by, lock_at, off_site, off_site_at, medium, serial)
         VALUES (:label, :pool, :storage, :barcode, :slot, :block, :state, :labelled, :first, :last,
                 :next_file, :next_at, :bytes, :lock, :lock_why, :lock_by, :lock_at, :off_site, :off_site_at,
                 :medium, :serial)",
    )?
    .execute(named_params! {
        ":label": volume.label.as_str(),
        ":pool": volume.pool.as_str(),
        ":storage": volume.storage.as_str(),
        ":barcode": maybe(volume.barcode.as_ref()),
        ":slot": volume.slot.map(|slot| slot.0),
        ":block": int(volume.block_size.bytes().0),
        ":state": volume.state.as_str(),
        ":labelled": maybe(volume.labelled),
        ":first": maybe(volume.first_written),
        ":last": maybe(volume.last_written),
        ":next_file": volume.end.file.0,
        ":next_at": volume.end.object.map(|object| int(object.0)),
        ":bytes": int(volume.bytes.0),
        ":lock": lock_text(volume.lock),
        ":lock_why": volume.locked.why,
        ":lock_by": volume.locked.by,
        ":lock_at": maybe(volume.locked.at),
        ":off_site": volume.off_site.as_ref().map(|off| &off.place),
        ":off_site_at": maybe(volume.off_site.as_ref().map(|off| off.since)),
        ":medium": volume.medium.as_str(),
        ":serial": volume.serial,
    })?;
    Ok(())
}

pub(super) fn of_row(row: &Row<'_>) -> rusqlite::Result<Volume> {
    let block: u64 = number(row, "block")?;
    let block_size = BlockSize::new(block)
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(usize::MAX, int(block)))?;
    Ok(Volume {
        label: get(row, "label")?,
        pool: get(row, "pool")?,
        storage: get(row, "storage")?,
        barcode: get_maybe(row, "barcode")?,
        slot: number_maybe(row, "slot")?.map(Slot),
        medium: get(row, "medium")?,
        serial: row.get("serial")?,
        block_size,
        state: get(row, "state")?,
        labelled: get_maybe(row, "labelled")?,
        first_written: get_maybe(row, "first")?,
        last_written: get_maybe(row, "last")?,
        end: VolumeEnd {
            file: FileNo(number(row, "next_file")?),
            object: number_maybe(row, "next_at")?.map(ObjectNo),
        },
        bytes: bytes(row, "bytes")?,
        lock: lock_of(row)?,
        locked: holds::locked_of(row)?,
        off_site: holds::off_site_of(row)?,
    })
}

pub(super) fn lock_text(lock: Lock) -> String {
    match lock {
        Lock::Open => String::new(),
        Lock::NoReuse => "no-reuse".to_owned(),
        Lock::Until(day) => text(day),
    }
}

pub(super) fn lock_of(row: &Row<'_>) -> rusqlite::Result<Lock> {
    match row.get::<_, String>("lock")?.as_str() {
        "" => Ok(Lock::Open),
        "no-reuse" => Ok(Lock::NoReuse),
        _ => get(row, "lock").map(Lock::Until),
    }
}
