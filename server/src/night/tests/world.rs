//! A site with an emulated library, whose holding disk has images and whose nights write them to tape.
//!
//! The images are real ones, of bytes that do not compress; only the client is missing. Everything behind it is
//! what runs at night: dispatcher, drives' threads, scan, scribe, robot, tape drive, and the emulator at the end
//! of the cable.

use std::fs;

use devices::emulator::{CartridgeSetup, FaultPlan, Library as Emulator, Operator, Spot};
use devices::scsi::page::attributes::CartridgeMemory;
use format::contents::{self, Contents, Identity};
use format::frame::{Encoder, FrameKind, FrameTable, digest};
use taper::catalogue::{Catalogue, Filter, RunKind};
use tempfile::TempDir;
use types::{Bytes, DleRef, DumpId, FileTime, Level, Stamp};

use super::super::*;
use crate::agent::AgentCommand;
use crate::holding::{About, Arriving, ImageName};
use crate::library::{self, Library};
use crate::report;
use crate::restore::image::Image;
use crate::restore::libraries::Libraries;
use crate::runlog;

/// What a site is like, apart from what every one here has.
#[derive(Clone, Copy)]
pub(super) struct Make {
    /// Megabytes that a cartridge holds.
    pub(super) megabytes: u64,
    /// In how many slots there is one.
    pub(super) cartridges: u16,
    pub(super) parallel: u32,
    pub(super) runtapes: u32,
    pub(super) generation: &'static str,
    /// More lines of the changer's section.
    pub(super) changer: &'static str,
}

impl Default for Make {
    fn default() -> Self {
        Self {
            megabytes: 16,
            cartridges: 8,
            parallel: 1,
            runtapes: 6,
            generation: "LTO-8",
            changer: "",
        }
    }
}

pub(super) struct World {
    _folder: TempDir,
    pub(super) site: Site,
    pub(super) tapes: Emulator,
    images: Vec<(DumpId, Vec<u8>)>,
    /// Whoever changes cartridges, where a person does.
    pub(super) operator: Option<Desk>,
}

/// What a night looked like in the morning.
pub(super) struct Morning {
    pub(super) outcome: Outcome,
    pub(super) report: report::Report,
}

impl World {
    pub(super) fn new(make: Make) -> Self {
        Self::with(&configuration(make))
    }

    /// A site with this configuration; its first storage has an emulated library.
    pub(super) fn with(configuration: &str) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("tree")).unwrap();
        Self::with_configuration(folder, configuration)
    }

    /// A site of which everything but the client is described here.
    pub(super) fn with_configuration(folder: TempDir, text: &str) -> Self {
        let root = folder.path().canonicalize().unwrap();
        fs::write(root.join("reelkeep.toml"), text).unwrap();
        let config = config::load(&root).unwrap_or_else(|wrong| panic!("{wrong}"));
        let site = Site::of(root, config);
        let tapes = library::emulator(&site.config.storages[0]).unwrap();
        Self { _folder: folder, site, tapes, images: Vec::new(), operator: None }
    }

    /// Puts an image of so many frames of 100 000 bytes on the holding disk.
    pub(super) fn hold(&mut self, number: u8, frames: usize) -> DumpId {
        self.hold_long(number, frames, FRAME)
    }

    /// Puts an image of so many frames, each so long, on the holding disk.
    pub(super) fn hold_long(&mut self, number: u8, frames: usize, frame: usize) -> DumpId {
        let run: Stamp = format!("202611010000{number:02}").parse().unwrap();
        let dump = DumpId::new(1_792_000_000_000, [number; 10]);
        let dle = DleRef {
            host: "localhost".parse().unwrap(),
            dle: format!("/srv/{number}").parse().unwrap(),
        };
        let (bytes, crc32c) = image(&dle, dump, run, (frames, frame));
        let name = ImageName { run, dle, level: Level::FULL, dump, base: None };
        let disks = equipment::disks(&self.site.config, &[]);
        let mut arriving = Arriving::begin(disks, name, [(0, Bytes(1 << 30))]);
        arriving.write(&bytes).unwrap();
        let raw = Bytes::of(frames * frame);
        drop(arriving.commit(About { raw, crc32c }).unwrap());
        self.images.push((dump, bytes));
        dump
    }

    /// What the client sent of a dump.
    pub(super) fn bytes_of(&self, dump: DumpId) -> Vec<u8> {
        self.images.iter().find(|(id, _)| *id == dump).unwrap().1.clone()
    }

    /// This one is said to be lost.
    pub(super) fn forget_image(&mut self, dump: DumpId) {
        self.images.retain(|(other, _)| *other != dump);
    }

    fn orders(&self) -> Orders<'_> {
        Orders {
            dles: Vec::new(),
            kind: RunKind::Flush,
            taper: true,
            flush: Flush::All,
            agent: AgentCommand {
                program: "/bin/false".into(),
                state: self.site.directory.clone(),
            },
            quiet: true,
            operator: self.operator.clone(),
        }
    }

    /// For whoever reads.
    pub(super) fn libraries(&self) -> Libraries {
        let libraries = Libraries::of(&self.site.config);
        match &self.operator {
            Some(operator) => libraries.attended(operator.clone()),
            None => libraries,
        }
    }

    /// A night that may not even begin: a library that does not open is an error of the command.
    pub(super) fn try_night(&self) -> String {
        match carry_out(&self.site, &self.orders()) {
            Err(error) => format!("{error:#}"),
            Ok(night) => {
                let log = runlog::read(&self.site.config.site.logdir, night.run).unwrap();
                let report = report::of(night.run, &log, report::Facts::default());
                told(&report).join("\n")
            }
        }
    }

    /// A night that does not come to its end.
    pub(super) fn break_off(&self) -> anyhow::Error {
        carry_out(&self.site, &self.orders()).expect_err("it breaks off")
    }

    /// What the holding disk has goes to tape.
    pub(super) fn night(&self) -> Morning {
        let night =
            carry_out(&self.site, &self.orders()).unwrap_or_else(|error| panic!("{error:#}"));
        let log = runlog::read(&self.site.config.site.logdir, night.run).unwrap();
        let facts = report::facts::configured(&self.site.config);
        Morning { outcome: night.outcome, report: report::of(night.run, &log, facts) }
    }

    pub(super) fn catalogue(&self) -> Catalogue {
        self.site.catalogue().unwrap()
    }

    pub(super) fn break_with(&self, plan: FaultPlan) {
        self.tapes.set_faults(plan);
    }

    pub(super) fn heal(&self) {
        self.tapes.set_faults(FaultPlan::default());
    }

    /// The dumps that are wholly on tape, by what the catalogue says.
    pub(super) fn placed(&self) -> Vec<DumpId> {
        let all = self.catalogue().dumps(&Filter::default()).unwrap();
        let placed = all.into_iter().filter(|it| it.copies.iter().any(|copy| copy.is_complete()));
        placed.map(|located| located.dump.id).collect()
    }

    /// Reads every dump that is said to be anywhere, and compares it with what the client sent. No dump may be
    /// nowhere.
    pub(super) fn assert_all_restore(&self) {
        let catalogue = self.catalogue();
        assert_eq!(catalogue.check().unwrap(), []);
        for (dump, bytes) in &self.images {
            let located = catalogue.dump(*dump).unwrap();
            assert!(located.is_restorable(), "dump {dump} is nowhere");
            // Each place by itself: two of them may need the same drive.
            let mut places = 1;
            let mut place = 0;
            while place < places {
                let mut libraries = self.libraries();
                let mut image =
                    Image::open(&located, &catalogue, &mut |name| libraries.library(name)).unwrap();
                places = image.places();
                let mut found = vec![0; bytes.len()];
                image.read_stretch_from(place, 0, &mut found).unwrap_or_else(|error| {
                    panic!("dump {dump} {}: {}", image.place(place), with_causes(&error))
                });
                assert!(found == *bytes, "dump {dump} {} is another", image.place(place));
                place += 1;
            }
        }
    }

    /// All images are on tape and none is left on the holding disk.
    pub(super) fn assert_all_placed(&self) {
        assert_eq!(self.placed().len(), self.images.len());
        assert_eq!(self.catalogue().held().unwrap().len(), 0);
        self.assert_all_restore();
    }

    /// Puts another cartridge into an empty slot, counted from 1.
    pub(super) fn add(&self, slot: u16, cartridge: CartridgeSetup) {
        self.behind_the_door(|operator| operator.put_new(&cartridge, Spot::Slot(slot - 1)));
    }

    /// Somebody opens the door, does something, and closes it.
    pub(super) fn behind_the_door<R, E: std::fmt::Debug>(
        &self,
        act: impl FnOnce(&Operator) -> Result<R, E>,
    ) -> R {
        let operator = self.tapes.operator();
        operator.open_door().unwrap();
        let done = act(&operator).unwrap();
        operator.close_door().unwrap();
        done
    }

    /// What the memory of the cartridge of a slot says.
    pub(super) fn memory_of(&self, slot: u32) -> CartridgeMemory {
        let library = Library::open(&self.site.config.storages[0]).unwrap();
        let name = library.drives()[0].clone();
        library.bring(types::Slot(slot), &name).unwrap();
        let mut drive = library.drive(&name).unwrap();
        drive.wake().unwrap();
        let memory = drive.tape().unwrap().cartridge().unwrap().memory;
        drive.give_back();
        library.unload(&name).unwrap();
        memory
    }

    /// Where the cartridge with this barcode is.
    pub(super) fn find(&self, barcode: &str) -> Option<Spot> {
        self.tapes.operator().find(barcode)
    }
}

impl Morning {
    /// All that an operator reads of what went wrong.
    pub(super) fn told(&self) -> String {
        // How the images came to the holding disk is the test's affair.
        let lines = told(&self.report).into_iter().filter(|line| !line.contains("was found whole"));
        let mut text = lines.collect::<Vec<_>>().join("\n");
        text.push('\n');
        text
    }
}

/// What failed, and the notes.
fn told(report: &report::Report) -> Vec<String> {
    let failures = report.failures.iter().map(ToString::to_string);
    failures.chain(report.notes.iter().cloned()).collect()
}

/// What ends the configuration of all these sites: cartridges of 16 MB, a holding disk, and a DLE.
pub(super) const SMALL_TAPES: &str = r#"
[tapetype.small]
length = "16 MB"
blocksize = "64 KiB"
part-size = "1 MiB"
early-warning = "1 MiB"
[holdingdisk.h]
directory = "holding"
[[dle]]
host = "localhost"
path = "/nowhere"
"#;

pub(super) fn configuration(make: Make) -> String {
    let Make { megabytes, cartridges, parallel, runtapes, generation, changer } = make;
    let rest = SMALL_TAPES.replace("16 MB", &format!("{megabytes} MB"));
    format!(
        r#"
[site]
org = "Nights"
runtapes = {runtapes}
tapecycle = 20
[storage.tape]
autolabel = "N-%%"
taper-parallel-write = {parallel}
device-output-buffer-size = "1 MiB"
[changer.library]
type = "emulator"
directory = "library"
slots = 40
mail-slots = 4
drives = 2
cartridges = {cartridges}
generation = "{generation}"
{changer}
{rest}"#
    )
}

/// Raw bytes of a frame.
const FRAME: usize = 100_000;

/// An image as a client would send it, and its CRC-32C.
fn image(dle: &DleRef, dump: DumpId, run: Stamp, (count, frame): (usize, usize)) -> (Vec<u8>, u32) {
    let (mut bytes, mut frames) = (Vec::new(), FrameTable::new());
    let mut encoder = Encoder::new(1).unwrap();
    let mut chance = u64::from_be_bytes(dump.0[8..16].try_into().unwrap()) | 1;
    for _ in 0..count {
        let raw: Vec<u8> = std::iter::repeat_with(|| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            chance.to_be_bytes()[0]
        })
        .take(frame)
        .collect();
        let mut stored = Vec::new();
        encoder.encode(&raw, &mut stored).unwrap();
        let length = u32::try_from(stored.len()).unwrap();
        frames.push(FrameKind::S, length, u32::try_from(frame).unwrap(), digest(&stored));
        bytes.extend_from_slice(&stored);
    }
    let identity = Identity {
        version: contents::VERSION,
        host: dle.host.clone(),
        dle: dle.dle.clone(),
        level: Level::FULL,
        dump,
        base: None,
        run,
        started: FileTime::default(),
        finished: FileTime::default(),
        program: "test".to_owned(),
        system: "test".to_owned(),
        frame_size: 4 << 20,
        entries: 0,
        gone: 0,
        raw_bytes: 0,
        strange: 0,
    };
    let contents = Contents { identity, frames, index: b"index".to_vec() };
    bytes.extend_from_slice(&contents::encode(&contents).unwrap());
    let crc32c = crc32c::crc32c(&bytes);
    (bytes, crc32c)
}
