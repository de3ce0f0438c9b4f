//! What the drive lays out, the drivers' decoders read: two writings of the same standard, held against each other.

use std::time::Duration;

use types::{Bytes, ObjectNo};

use super::{Bench, DRIVE, DriveModel, Generation, US, noise, tape};
use crate::emulator::generation::Access;
use crate::emulator::{BadSpot, Harm, Setup, Spot, Stretch};
use crate::scsi::Cdb;
use crate::scsi::Sense;
use crate::scsi::cdb::spc::{Attributes as What, Commands, Descriptor, Values};
use crate::scsi::cdb::ssc::{DensitiesOf, PositionForm};
use crate::scsi::cdb::{spc, ssc};
use crate::scsi::page::attributes::{Attributes, CartridgeMemory};
use crate::scsi::page::log::maker::{self, Maker, State, Value};
use crate::scsi::page::log::{self, Log};
use crate::scsi::page::{
    PageCode, alert, block_limits, density, designators, encryption, inquiry, luns, mode, opcodes,
    position, protection, rao, vpd, wraps,
};

const ROOM: usize = 0x1_0000;

/// Every drive that can be had, with a cartridge of its own generation.
fn everywhere(test: impl Fn(&Bench, &DriveModel)) {
    use Generation::{Lto5, Lto6, Lto7, Lto8, Lto9, Lto10};
    for generation in [Lto5, Lto6, Lto7, Lto8, Lto9, Lto10] {
        for model in [DriveModel::ibm(generation), DriveModel::hp(generation)] {
            let bench = Bench::new(Setup::of(&model, 1, 0, 0).with(tape(generation)));
            test(&bench, &model);
        }
    }
}

impl Bench {
    fn ask(&self, cdb: Cdb) -> Vec<u8> {
        self.ok(cdb.bytes(), &[], ROOM)
    }
}

#[test]
fn what_it_is() {
    everywhere(|bench, model| {
        let it = inquiry::decode(&bench.ask(spc::inquiry(inquiry::ROOM))).unwrap();
        assert_eq!(
            (it.kind, &it.vendor, &it.product),
            (inquiry::DeviceKind::Tape, &model.vendor, &model.product)
        );
        assert!(it.protection && !it.attached_changer);
        let page = |page| bench.ask(spc::inquiry_vpd(page, vpd::ROOM));
        let pages = vpd::supported(&page(vpd::SUPPORTED)).unwrap();
        assert!(pages.contains(&vpd::DESIGNATORS) && pages.contains(&vpd::PROTECTION));
        let serial = vpd::serial(&page(vpd::SERIAL)).unwrap();
        assert_eq!(serial.as_deref(), Some("RKD0000100"));
        let names = designators::decode(&page(vpd::DESIGNATORS)).unwrap();
        assert_eq!(names[0].name.serial(), serial.as_deref());
        assert_eq!(names.iter().filter(|it| it.of == designators::Of::Unit).count(), 2);
        assert!(vpd::capabilities(&page(vpd::CAPABILITIES)).unwrap().write_once);
        assert_eq!(vpd::tape_alerts(&page(vpd::TAPE_ALERTS)).unwrap().len(), 64);
        assert!(vpd::manufacturer_serial(&page(vpd::MANUFACTURER_SERIAL)).unwrap().is_some());
        let offers = protection::offers(&page(vpd::PROTECTION)).unwrap();
        let offered: Vec<_> =
            offers.iter().map(|it| (it.method.code(), it.length, it.writing, it.reading)).collect();
        assert_eq!(offered, [(2, 4, true, true)]);
        let units = luns::decode(&bench.ask(spc::report_luns(luns::ROOM))).unwrap();
        assert_eq!(units, [0, 1]);
    });
}

#[test]
fn what_it_can_do() {
    everywhere(|bench, model| {
        let limits = block_limits::decode(&bench.ask(ssc::read_block_limits())).unwrap();
        assert_eq!((limits.least, limits.most), (1, Some(model.longest_block)));
        let all = bench.ask(ssc::report_density_support(DensitiesOf::Drive, density::ROOM));
        for format in density::decode(&all).unwrap() {
            let known =
                model.generation.known().find(|it| it.facts().density == format.code).unwrap();
            assert_eq!(format.writable, model.generation.access(known) == Access::Write);
            assert_eq!(format.capacity, Bytes(known.facts().capacity_mb * 1_000_000));
        }
        let all = bench.ask(spc::report_supported_opcodes(Commands::All, opcodes::ROOM));
        let all = opcodes::decode_all(&all).unwrap();
        let write = all.iter().find(|it| it.opcode == 0x0a).unwrap();
        assert_eq!((write.length, write.timeout), (6, Some(Duration::from_secs(1500))));
        assert!(all.iter().any(|it| (it.opcode, it.action) == (0xa3, Some(0x0c))));
    });
}

#[test]
fn where_it_stands() {
    everywhere(|bench, _| {
        bench.write(&noise(0, 1000));
        bench.mark();
        bench.flush();
        bench.write(&noise(1, 1000));
        let ask = |form| bench.run(US, ssc::read_position(form).bytes(), &[], 32).data;
        let short = position::short(&ask(PositionForm::Short)).unwrap();
        let long = position::long(&ask(PositionForm::Long)).unwrap();
        let extended = position::extended(&ask(PositionForm::Extended)).unwrap();
        for it in [&short, &long, &extended] {
            assert_eq!(
                (it.object, it.partition, it.at_beginning),
                (Some(ObjectNo(3)), Some(0), false)
            );
        }
        assert_eq!(long.file, Some(1));
        for it in [short, extended] {
            assert_eq!((it.durable, it.buffered), (Some(ObjectNo(2)), Some(1)));
        }
    });
}

#[test]
fn what_it_has_counted() {
    everywhere(|bench, model| {
        bench.library.operator().write_protect("RK0001L8", false).unwrap();
        for block in 0..3 {
            bench.write(&noise(block, 4_000_000));
        }
        bench.flush();
        let page = |code: PageCode| bench.ask(spc::log_sense(code, 0, log::ROOM));
        for code in log::supported(&page(log::SUPPORTED)).unwrap() {
            Log::decode("a page", code, &page(code)).unwrap();
        }
        let mb = |number: u64| Some(Bytes(number * 1_000_000));
        let sequential = log::sequential::decode(&page(log::sequential::PAGE)).unwrap();
        assert_eq!((sequential.to_here, sequential.from_hosts), (mb(12), mb(12)));
        assert_eq!(sequential.cleaning, Some(false));
        let [first, ..] = log::capacity::decode(&page(log::capacity::PAGE)).unwrap();
        // The one counts in MiB, the other in MB.
        let (most, early) = (first.most.unwrap().0, sequential.to_early_warning.unwrap().0);
        assert!(most.abs_diff(early) < 1 << 21, "{most} {early}");
        let volume = log::volume::decode(&page(log::volume::PAGE)).unwrap();
        assert_eq!(
            (volume.serial.as_deref(), volume.barcode.as_deref()),
            (Some("RKE0000001"), Some("RK0001L8"))
        );
        assert_eq!(
            (volume.mounts, volume.used, volume.written_this_mount),
            (Some(1), mb(12), mb(12))
        );
        assert_eq!(volume.capacity, mb(model.generation.facts().capacity_mb));
        assert_eq!((volume.partitions.len(), volume.partitions[0].used), (1, mb(12)));
        let status = log::device_status::decode(&page(log::device_status::PAGE)).unwrap();
        assert!(status.mounted && status.threaded && status.memory_accessible && status.compresses);
        assert!(!status.cleaning_requested && !status.arm_may_reach_in);
        let statistics = log::statistics::decode(&page(log::statistics::PAGE)).unwrap();
        assert_eq!((statistics.loads, statistics.serial.as_deref()), (Some(1), Some("RKD0000100")));
        let errors = log::errors::decode(log::errors::WRITE, &page(log::errors::WRITE)).unwrap();
        assert_eq!((errors.bytes, errors.uncorrected), (mb(12), Some(0)));
        for code in [log::compression::PAGE, log::compression::OLD_PAGE] {
            let compression = log::compression::decode(code, &page(code)).unwrap();
            assert_eq!((compression.write_percent, compression.from_hosts), (Some(100), mb(12)));
        }
        let usage = log::usage::decode(&page(log::usage::PAGE)).unwrap();
        assert_eq!((usage.mounts, usage.written), (volume.mounts, volume.written));
        what_its_maker_counts(bench, model);
        bench.library.soil(DRIVE);
        let flags = [alert::Flag::CLEAN_PERIODIC];
        assert_eq!(log::alerts::response(&page(log::alerts::RESPONSE)).unwrap(), flags);
        assert_eq!(log::alerts::alerts(&page(log::alerts::ALERTS)).unwrap(), flags);
    });
}

/// The maker's own pages, after 12 MB were written.
fn what_its_maker_counts(bench: &Bench, model: &DriveModel) {
    let maker = Maker::of_drive(&model.vendor);
    let mut told = Vec::new();
    for page in
        maker::PAGES.map(PageCode::page).filter(|page| ![0x30, 0x31, 0x32].contains(&page.page))
    {
        let answer = bench.run(US, spc::log_sense(page, 0, log::ROOM).bytes(), &[], ROOM);
        if let Ok(figures) = maker::decode(maker, page, &answer.data) {
            told.extend(figures.into_iter().filter_map(|it| Some((it.means?, it.value))));
        }
    }
    let native = model.generation.facts().steps.last().unwrap() * 1000;
    let expected = match maker {
        Maker::Ibm => vec![
            ("mounts in the drive ever", Value::Count(1)),
            ("written by the drive ever", Value::Amount(Bytes(12_000_000))),
            ("read by the drive ever", Value::Amount(Bytes(0))),
        ],
        _ => vec![
            ("repositions for each 100 MB", Value::Count(0)),
            ("native rate", Value::Rate(Bytes(native / 100_000 * 100_000))),
            ("temperature", Value::State(State::Good)),
            ("drive's own judgement", Value::State(State::Good)),
            ("judgement of the cartridge", Value::State(State::Good)),
            ("loads and unloads ever", Value::Count(1)),
        ],
    };
    assert_eq!(told, expected);
}

#[test]
fn errors_of_writing_and_of_reading_are_not_taken_for_each_other() {
    let bench = Bench::lto8();
    let stretch = Stretch::Objects(1, 1);
    bench.library.damage("RK0001L8", BadSpot { partition: 0, stretch, harm: Harm::Unwritable });
    bench.write(&noise(0, 100));
    bench.write(&noise(1, 100));
    bench.fails(&[0x10, 0, 0, 0, 0, 0], &[], 0);
    let page = bench.ask(spc::log_sense(log::statistics::PAGE, 0, log::ROOM));
    let life = log::statistics::decode(&page).unwrap();
    assert_eq!((life.hard_write_errors, life.hard_read_errors), (Some(1), Some(0)));
}

#[test]
fn how_it_is_set() {
    everywhere(|bench, model| {
        let sense =
            |code| bench.ask(spc::mode_sense_10(code, Values::Current, Descriptor::Wanted, 0xffff));
        let page = |code| {
            let reply = mode::Mode::decode_10(&sense(code)).unwrap();
            let descriptor = reply.descriptor.unwrap();
            assert_eq!(
                (descriptor.density, descriptor.block_length),
                (model.generation.facts().density, 0)
            );
            assert!(!reply.write_protected());
            reply.page("a page", code).unwrap().to_vec()
        };
        let compression =
            mode::compression::Compression::decode(&page(mode::compression::PAGE)).unwrap();
        assert!(compression.possible() && compression.compresses());
        let extension = mode::extension::Extension::decode(&page(mode::extension::PAGE)).unwrap();
        assert_eq!(
            (extension.warning_size(), extension.write_mode()),
            (0, mode::extension::WriteMode::Overwrite)
        );
        let checks =
            mode::protection::Protection::decode(&page(mode::protection::PAGE)).unwrap().checks();
        assert_eq!(checks, mode::protection::Checks::NONE);
        let partitions = mode::partitions::decode(&page(mode::partitions::PAGE)).unwrap();
        assert_eq!((partitions.most_more, partitions.more), (3, 0));
        assert!(!mode::medium::decode(&page(mode::medium::PAGE)).unwrap().write_once);
        mode::configuration::Configuration::decode(&page(mode::configuration::PAGE)).unwrap();
    });
}

#[test]
fn what_the_chip_says() {
    everywhere(|bench, model| {
        bench.write(&noise(0, 5 << 20));
        bench.flush();
        let reply = bench.ask(spc::read_attribute(What::Values, 0, 0, 0x1_0000));
        let memory = CartridgeMemory::of(&Attributes::decode(&reply).unwrap());
        let facts = model.generation.facts();
        assert_eq!((memory.serial.as_deref(), memory.loads), (Some("RKE0000001"), Some(1)));
        assert_eq!((memory.made_for, memory.metres), (Some(facts.density), Some(facts.length_m)));
        assert_eq!(memory.written_ever, Some(Bytes(5_000_000)));
        assert_eq!(memory.used_by[0].serial, "RKD0000100");
        assert_eq!(memory.change_reference, Some(vec![0, 0, 0, 1]));
    });
}

#[test]
fn how_it_encrypts() {
    everywhere(|bench, _| {
        let page = |page| bench.ask(spc::security_in(page, encryption::ROOM));
        let pages = encryption::pages(encryption::PAGES_IN, &page(encryption::PAGES_IN)).unwrap();
        assert!(pages.contains(&encryption::NEXT_BLOCK));
        let algorithms = encryption::algorithms(&page(encryption::CAPABILITIES)).unwrap();
        let [it] = &algorithms[..] else { panic!("{algorithms:?}") };
        assert_eq!(
            (it.code, it.key_length, it.encrypts, it.decrypts),
            (encryption::AES_256_GCM, 32, true, true)
        );
        assert!(it.distinguishes && it.unauthenticated >= 32);
        let key = encryption::DataKey::take(&mut [9; 32]);
        let setting = encryption::Setting {
            scope: encryption::Scope::Everybody,
            encrypting: encryption::Encrypting::On,
            decrypting: encryption::Decrypting::Mixed,
            algorithm: it.index,
            key: &key,
            key_data: &[],
        };
        let list = encryption::set_key(&setting).unwrap();
        let length = u32::try_from(list.bytes().len()).unwrap();
        bench.ok(spc::security_out(encryption::SET, length).bytes(), list.bytes(), 0);
        let status = encryption::status(&page(encryption::STATUS)).unwrap();
        assert_eq!(
            (status.encrypting, status.decrypting),
            (encryption::Encrypting::On, encryption::Decrypting::Mixed)
        );
        assert_eq!((status.nexus_scope, status.key_count), (2, 1));
        bench.write(&noise(0, 10));
        bench.rewind();
        let next = encryption::next_block(&page(encryption::NEXT_BLOCK)).unwrap();
        assert_eq!((next.object, next.state), (ObjectNo(0), encryption::BlockState::Readable));
    });
}

#[test]
fn where_things_lie() {
    let bench = Bench::new(super::one(Generation::Lto9).with(tape(Generation::Lto9)));
    for block in 0..4 {
        bench.write(&noise(block, 100));
    }
    bench.flush();
    let limits = rao::limits(&bench.ask(ssc::receive_rao_limits(rao::LIMITS_ROOM))).unwrap();
    assert_eq!(usize::from(limits.segment_length), rao::SEGMENT);
    let segment = |number, first| {
        let [first, last] = [first, first + 1].map(ObjectNo);
        rao::Segment { number, partition: 0, first, last }
    };
    let wanted = [segment(1, 3), segment(2, 0), segment(3, 2)];
    let list = rao::request(&wanted).unwrap();
    let length = u32::try_from(list.len()).unwrap();
    bench.ok(ssc::generate_rao(ssc::Ordering::Reorder, length).bytes(), &list, 0);
    let mut ordered =
        rao::reply(&bench.ask(ssc::receive_rao(0, rao::reply_room(3).unwrap()))).unwrap();
    ordered.sort_by_key(|it| it.number);
    assert_eq!(ordered, wanted);
    let ends = wraps::decode(&bench.ask(ssc::read_end_of_wrap_positions(wraps::ROOM))).unwrap();
    assert_eq!((ends.len(), ends[0].wrap, ends[0].end), (1, 0, ObjectNo(4)));
}

#[test]
fn what_it_complains_of() {
    everywhere(|bench, _| {
        bench.write(&noise(0, 100));
        bench.mark();
        bench.rewind();
        bench.read(100);
        let answer = bench.run(US, &super::read(100), &[], 100);
        let sense = Sense::read(&answer.sense).unwrap();
        assert!(sense.filemark && !sense.end_of_medium && !sense.other_length);
        assert_eq!(sense.information, Some(100));
        let more = sense.ultrium().unwrap();
        assert_eq!((more.object, more.partition, more.cleaning), (2, 0, false));
        assert_eq!(
            more.volume.as_deref(),
            Some("RK0001L"),
            "as much of the sticker as there is room for"
        );
        assert_eq!(bench.library.operator().find("RK0001L8"), Some(Spot::Drive(0)));
    });
}
