//! Small things to test a catalogue with: days, dumps, volumes, parts.

use std::path::Path;
use std::time::Duration;

use types::{
    BlockSize, Bytes, DleRef, DumpId, FileNo, Label, Level, ObjectNo, PartNo, Stamp, StorageName,
};

use super::{Catalogue, Dump, DumpStatus, Part, RunKind, RunStatus, Volume, VolumeEnd};
use crate::retention::{Policies, Policy};

/// What every image is long.
pub(crate) const STORED: u64 = 1200;

/// Noon of day `n`, counted from the first of 2026.
pub(crate) fn day(n: u32) -> Stamp {
    "20260101120000".parse::<Stamp>().unwrap().plus_days(n)
}

pub(crate) fn dle(name: &str) -> DleRef {
    DleRef { host: "host".parse().unwrap(), dle: name.parse().unwrap() }
}

pub(crate) fn label(text: &str) -> Label {
    text.parse().unwrap()
}

pub(crate) fn storage(name: &str) -> StorageName {
    name.parse().unwrap()
}

pub(crate) fn id(n: u64) -> DumpId {
    DumpId::new(n, [7; 10])
}

/// A good dump of `/data`, made on that day.
pub(crate) fn dump(n: u64, level: u16, base: Option<u64>, on: u32) -> Dump {
    Dump {
        id: id(n),
        dle: dle("/data"),
        run: day(on),
        level: Level::try_from(level).unwrap(),
        base: base.map(id),
        status: DumpStatus::Good,
        started: day(on),
        finished: day(on),
        took: Duration::from_millis(1500),
        raw: Bytes(3 * STORED),
        stored: Bytes(STORED),
        entries: 12,
        frames: 6,
        index_sha: None,
    }
}

/// Part `no` of `of` equal ones, in storage `lib`.
pub(crate) fn part(dump: &Dump, (no, of): (u32, u32), on: &str, file: u32) -> Part {
    let bytes = STORED / u64::from(of);
    Part {
        dump: dump.id,
        storage: storage("lib"),
        no: PartNo(no),
        run: dump.run,
        label: label(on),
        file: FileNo(file),
        object: Some(ObjectNo(u64::from(file) * 10)),
        first_frame: (no - 1) * 6 / of,
        last_frame: no * 6 / of - 1,
        offset: Bytes(u64::from(no - 1) * bytes),
        bytes: Bytes(bytes),
        sha_so_far: None,
        crc_so_far: None,
    }
}

pub(crate) fn behind(part: &Part) -> VolumeEnd {
    VolumeEnd { file: part.file.next(), object: part.object.map(|object| ObjectNo(object.0 + 10)) }
}

pub(crate) fn policies() -> Policies {
    Policies::from([(storage("lib"), Policy::default())])
}

impl Catalogue {
    pub(crate) fn with_run(&mut self, on: u32) {
        self.begin_run(day(on), RunKind::Dump, day(on), "test").unwrap();
    }

    pub(crate) fn with_volume(&mut self, text: &str, on: u32) {
        let (pool, block) = ("daily".parse().unwrap(), BlockSize::HEADER);
        let volume = Volume::new(label(text), pool, storage("lib"), block);
        self.choose_label(&volume).unwrap();
        self.record_labelled(&label(text), None, block, volume.end, day(on)).unwrap();
    }

    pub(crate) fn hold(&mut self, dump: &Dump) {
        self.record_held(dump, &[], Path::new("/holding/image"), Bytes(STORED)).unwrap();
    }

    /// Places a dump whole in one file.
    pub(crate) fn place(&mut self, dump: &Dump, on: &str, file: u32) {
        let part = part(dump, (1, 1), on, file);
        self.record_placed(&part, behind(&part)).unwrap();
        self.complete_copy(dump.id, &storage("lib"), dump.run).unwrap();
    }

    /// A run of one dump that goes over holding to a volume.
    pub(crate) fn night(&mut self, dump: &Dump, on: &str, file: u32) {
        self.begin_run(dump.run, RunKind::Dump, dump.run, "test").unwrap();
        self.hold(dump);
        self.place(dump, on, file);
        drop(self.forget_held(dump.id, &[storage("lib")]).unwrap());
        self.finish_run(dump.run, dump.run, RunStatus::Good).unwrap();
    }
}
