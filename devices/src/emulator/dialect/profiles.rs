//! The profiles: one row a maker. A row says where it departs from [`STANDARD`].

use super::{
    Addresses, Allocation, AlternateTags, Attention, Barcodes, Counts, Dialect, Exchange, FirstAsk,
    Ids, LoadedDrive, Profile, Range, Sources, StillLoaded, TagsWithIds, Tail, Types, VolumeTags,
};

/// The profile of a dialect.
pub(super) fn of(dialect: Dialect) -> &'static Profile {
    match dialect {
        Dialect::Standard => &STANDARD,
        Dialect::Ts4300 => &TS4300,
        Dialect::Msl => &MSL,
        Dialect::Ml3 => &ML3,
        Dialect::ScalarI3 => &SCALAR_I3,
        Dialect::Superloader3 => &SUPERLOADER3,
        Dialect::Neo => &NEO,
        Dialect::Sl150 => &SL150,
        Dialect::SpectraStack => &SPECTRA_STACK,
        Dialect::AdicDat => &ADIC_DAT,
        Dialect::Xl1b2 => &XL1B2,
        Dialect::Starwinds => &STARWINDS,
        Dialect::Mhvtl => &MHVTL,
        Dialect::Thur => &THUR,
    }
}

const STANDARD: Profile = Profile {
    story: "as SMC-3 has it, without whims",
    vendor: "REELKEEP",
    product: "EMULATED LIBRARY",
    revision: "0001",
    serial: "RKL0000001",
    addresses: Addresses { arm: Some(1), slots: 1000, mail: 10, drives: 500 },
    types: Types::Any,
    tags_with_ids: TagsWithIds::Both,
    volume_tags: VolumeTags::Given,
    alternate_tags: AlternateTags::Absent,
    allocation: Allocation::ThreeBytes,
    first_ask: FirstAsk::Anything,
    counts: Counts::Right,
    tail: Tail::Four,
    ids: Ids::Vendor,
    barcodes: Barcodes::Spaces,
    sources: Sources::Kept,
    loaded_drive: LoadedDrive::Full,
    still_loaded: StillLoaded::DriveDidNotUnload,
    attention: Attention::ChangerOnly,
    exchange: Exchange::Offered,
    range: Range::Standard,
    phantom_mail: false,
    scan_s: 0,
    move_s: 15,
};

const TS4300: Profile = Profile {
    story: "IBM's: drives from 257, slots from 4096, identifiers of 34 bytes; its scan takes a minute",
    vendor: "IBM",
    product: "3573-TL",
    revision: "1.40",
    serial: "00X2U78R0001_LL0",
    addresses: Addresses { arm: Some(1), slots: 4096, mail: 16, drives: 257 },
    exchange: Exchange::Refused,
    scan_s: 60,
    move_s: 20,
    ..STANDARD
};

const MSL: Profile = Profile {
    story: "HPE's: no transport element, tags and identifiers only one after the other",
    vendor: "HPE",
    product: "MSL G3 Series",
    revision: "D.00",
    serial: "DEC9480001",
    addresses: Addresses { arm: None, slots: 1000, mail: 101, drives: 1 },
    tags_with_ids: TagsWithIds::Refused,
    exchange: Exchange::Refused,
    sources: Sources::LostAtPowerOn,
    scan_s: 120,
    move_s: 25,
    ..STANDARD
};

const ML3: Profile = Profile {
    story: "Dell's: like IBM's, but the library makes the drives' serial numbers up, and forgets where cartridges came from",
    vendor: "DELL",
    product: "PV TL2000/ML3",
    revision: "1.40",
    serial: "BC5R0A0001_LL0",
    addresses: Addresses { arm: Some(1), slots: 4096, mail: 16, drives: 256 },
    ids: Ids::Logical,
    sources: Sources::LostAtPowerOn,
    exchange: Exchange::Refused,
    scan_s: 60,
    move_s: 20,
    ..STANDARD
};

const SCALAR_I3: Profile = Profile {
    story: "Quantum's: world wide names instead of serial numbers, and a scan of more than five minutes",
    vendor: "QUANTUM",
    product: "Scalar i3-i6",
    revision: "300G",
    serial: "QUANTUMD0H0001",
    addresses: Addresses { arm: Some(1), slots: 4096, mail: 16, drives: 256 },
    ids: Ids::Naa,
    still_loaded: StillLoaded::NoMedium,
    scan_s: 330,
    move_s: 18,
    ..STANDARD
};

const SUPERLOADER3: Profile = Profile {
    story: "Quantum's small one: one type of element at a time, serial numbers alone, a drive that looks empty while loaded",
    vendor: "QUANTUM",
    product: "UHDL",
    revision: "0094",
    serial: "PS1115B000001",
    addresses: Addresses { arm: Some(0), slots: 1, mail: 17, drives: 256 },
    types: Types::OneAtATime,
    ids: Ids::Serial,
    loaded_drive: LoadedDrive::SaysEmpty,
    exchange: Exchange::Refused,
    range: Range::Neither,
    phantom_mail: true,
    scan_s: 90,
    move_s: 45,
    ..STANDARD
};

const NEO: Profile = Profile {
    story: "Overland's: only the low two bytes of the allocation length count, barcodes end in zeros",
    vendor: "OVERLAND",
    product: "NEO Series",
    revision: "0512",
    serial: "2B60000001",
    addresses: Addresses { arm: Some(0), slots: 32, mail: 1, drives: 480 },
    allocation: Allocation::LowTwoBytes,
    barcodes: Barcodes::Zeros,
    tail: Tail::Nothing,
    ids: Ids::None,
    exchange: Exchange::Refused,
    scan_s: 60,
    move_s: 30,
    ..STANDARD
};

const SL150: Profile = Profile {
    story: "Oracle's: waits for a drive that has not unloaded, gives up, and says that all went well",
    vendor: "STK",
    product: "SL150",
    revision: "0350",
    serial: "464970G+1333SY0001",
    addresses: Addresses { arm: Some(1), slots: 1000, mail: 10, drives: 500 },
    ids: Ids::Serial,
    still_loaded: StillLoaded::GoodButNot,
    exchange: Exchange::Refused,
    scan_s: 180,
    move_s: 30,
    ..STANDARD
};

const SPECTRA_STACK: Profile = Profile {
    story: "Spectra's: byte counts without the headers of the pages, six bytes behind each element",
    vendor: "SPECTRA",
    product: "PYTHON",
    revision: "2000",
    serial: "911400A001",
    addresses: Addresses { arm: Some(1), slots: 4096, mail: 16, drives: 256 },
    counts: Counts::WithoutPageHeaders,
    tail: Tail::Six,
    ids: Ids::Serial,
    exchange: Exchange::Refused,
    scan_s: 60,
    move_s: 20,
    ..STANDARD
};

const ADIC_DAT: Profile = Profile {
    story: "a loader of the DAT days: no barcodes, SCSI addresses instead of serial numbers, elements of nothing but zeros",
    vendor: "ADIC",
    product: "VLS DAT",
    revision: "3.10",
    serial: "8800001",
    addresses: Addresses { arm: Some(0), slots: 1, mail: 13, drives: 16 },
    volume_tags: VolumeTags::Refused,
    tail: Tail::FourAndZeros,
    ids: Ids::BusAddress,
    sources: Sources::Never,
    exchange: Exchange::Refused,
    range: Range::Vendor,
    scan_s: 30,
    move_s: 40,
    ..STANDARD
};

const XL1B2: Profile = Profile {
    story: "BDT's: all elements at once or none, the header first, the end shown by an error, the door heard by every unit",
    vendor: "BDT",
    product: "XL1B2",
    revision: "2.10",
    serial: "1B20000001",
    addresses: Addresses { arm: Some(0), slots: 1, mail: 9, drives: 128 },
    types: Types::OnlyAll,
    first_ask: FirstAsk::HeaderOnly,
    attention: Attention::Everybody,
    ids: Ids::Serial,
    exchange: Exchange::Refused,
    range: Range::Neither,
    scan_s: 60,
    move_s: 45,
    ..STANDARD
};

const STARWINDS: Profile = Profile {
    story: "StarWind's: counts eight bytes less than it sends, the identifier where the tag belongs, six-character barcodes",
    vendor: "HP",
    product: "MSL8096",
    revision: "1130",
    serial: "STARWIND0001",
    addresses: Addresses { arm: Some(0), slots: 1000, mail: 101, drives: 1 },
    tags_with_ids: TagsWithIds::Garbled,
    counts: Counts::TooFew,
    barcodes: Barcodes::Six,
    move_s: 1,
    ..STANDARD
};

const MHVTL: Profile = Profile {
    story: "mhvtl's L700: says that alternate tags follow, and none does",
    vendor: "STK",
    product: "L700",
    revision: "0107",
    serial: "XYZZY_A",
    addresses: Addresses { arm: Some(1), slots: 1024, mail: 768, drives: 480 },
    alternate_tags: AlternateTags::Claimed,
    ids: Ids::Serial,
    range: Range::Vendor,
    exchange: Exchange::Refused,
    move_s: 1,
    ..STANDARD
};

const THUR: Profile = Profile {
    story: "thur's: the last eight bytes of each reply are missing, and drives hear of the door",
    vendor: "THUR",
    product: "VTL",
    revision: "0001",
    serial: "THUR000001",
    addresses: Addresses { arm: Some(0), slots: 1024, mail: 768, drives: 256 },
    counts: Counts::TooMany,
    attention: Attention::Everybody,
    move_s: 1,
    ..STANDARD
};
