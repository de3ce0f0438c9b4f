//! How changers of different makers talk.
//!
//! SMC-3 leaves room, and makers went beyond it. A [`Dialect`] stands for a maker's library; its [`Profile`] says
//! what it answers to INQUIRY, how it numbers its elements, and in which of the known ways it departs from the
//! standard. The profiles are modelled on what is publicly reported of these libraries. They are not copies: each
//! shows *some* device that a driver has to get along with.

mod profiles;

use serde::{Deserialize, Serialize};

/// A manner of talking.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// As SMC-3 has it, without whims.
    #[default]
    Standard,
    /// IBM TS4300, which calls itself 3573-TL.
    Ts4300,
    /// HPE StoreEver MSL G3.
    Msl,
    /// Dell EMC ML3.
    Ml3,
    /// Quantum Scalar i3.
    ScalarI3,
    /// Quantum SuperLoader 3: sixteen slots, one drive.
    Superloader3,
    /// Overland NEO.
    Neo,
    /// Oracle StorageTek SL150.
    Sl150,
    /// Spectra Stack.
    SpectraStack,
    /// An ADIC loader of the DAT days.
    AdicDat,
    /// BDT's one-drive loader, sold as XL1B2.
    Xl1b2,
    /// StarWind's virtual tape library.
    Starwinds,
    /// mhvtl, which takes the part of an L700.
    Mhvtl,
    /// thur, a virtual library served by iSCSI.
    Thur,
}

impl Dialect {
    /// All of them, in the order of the declaration.
    pub const ALL: [Self; 14] = [
        Self::Standard,
        Self::Ts4300,
        Self::Msl,
        Self::Ml3,
        Self::ScalarI3,
        Self::Superloader3,
        Self::Neo,
        Self::Sl150,
        Self::SpectraStack,
        Self::AdicDat,
        Self::Xl1b2,
        Self::Starwinds,
        Self::Mhvtl,
        Self::Thur,
    ];

    /// The word for it in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Ts4300 => "ts4300",
            Self::Msl => "msl",
            Self::Ml3 => "ml3",
            Self::ScalarI3 => "scalar-i3",
            Self::Superloader3 => "superloader3",
            Self::Neo => "neo",
            Self::Sl150 => "sl150",
            Self::SpectraStack => "spectra-stack",
            Self::AdicDat => "adic-dat",
            Self::Xl1b2 => "xl1b2",
            Self::Starwinds => "starwinds",
            Self::Mhvtl => "mhvtl",
            Self::Thur => "thur",
        }
    }

    /// By its word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }

    /// How it talks, in a sentence for people.
    pub fn story(self) -> &'static str {
        self.profile().story
    }

    pub(crate) fn profile(self) -> &'static Profile {
        profiles::of(self)
    }
}

/// How one maker's changer talks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) story: &'static str,
    /// At most 8 characters.
    pub(crate) vendor: &'static str,
    /// At most 16.
    pub(crate) product: &'static str,
    /// At most 4.
    pub(crate) revision: &'static str,
    /// The unit serial number.
    pub(crate) serial: &'static str,
    pub(crate) addresses: Addresses,
    pub(crate) types: Types,
    pub(crate) tags_with_ids: TagsWithIds,
    pub(crate) volume_tags: VolumeTags,
    pub(crate) alternate_tags: AlternateTags,
    pub(crate) allocation: Allocation,
    pub(crate) first_ask: FirstAsk,
    pub(crate) counts: Counts,
    pub(crate) tail: Tail,
    pub(crate) ids: Ids,
    pub(crate) barcodes: Barcodes,
    pub(crate) sources: Sources,
    pub(crate) loaded_drive: LoadedDrive,
    pub(crate) still_loaded: StillLoaded,
    pub(crate) attention: Attention,
    pub(crate) exchange: Exchange,
    pub(crate) range: Range,
    /// Whether the count of mail slots includes one that is only the gripper.
    pub(crate) phantom_mail: bool,
    /// How long it looks around when the power comes on or the door closes, in seconds.
    pub(crate) scan_s: u64,
    /// How long a move takes, in seconds.
    pub(crate) move_s: u64,
}

/// The first element address of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// `None` where the changer reports no transport.
    pub(crate) arm: Option<u16>,
    pub(crate) slots: u16,
    pub(crate) mail: u16,
    pub(crate) drives: u16,
}

/// Which element types one READ ELEMENT STATUS may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// One, or all.
    Any,
    /// All at once is refused.
    OneAtATime,
    /// Only all at once; an address behind the last is refused.
    OnlyAll,
}

/// What happens to volume tags and device identifiers asked for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagsWithIds {
    Both,
    /// INVALID FIELD IN CDB.
    Refused,
    /// The identifier stands where the tag belongs.
    Garbled,
}

/// What becomes of the VOLTAG bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VolumeTags {
    Given,
    /// There is no barcode reader.
    Refused,
}

/// What the AVOLTAG flag of a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlternateTags {
    Absent,
    /// Set, and no alternate tag follows.
    Claimed,
}

/// How much of the allocation length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    ThreeBytes,
    LowTwoBytes,
}

/// Whether the first READ ELEMENT STATUS has to ask for no more than the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstAsk {
    Anything,
    HeaderOnly,
}

/// What the byte counts of a reply count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    Right,
    /// The headers of the pages are left out.
    WithoutPageHeaders,
    /// Eight bytes more follow than are counted.
    TooFew,
    /// The last eight bytes are missing.
    TooMany,
}

/// What follows an element's flags, source and tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Four bytes, as SMC-3 has it: the identifier's header, even if there is none.
    Four,
    Nothing,
    /// Six bytes, of no known meaning.
    Six,
    /// Four bytes, and elements of nothing but zeros behind the last.
    FourAndZeros,
}

/// How a drive is named in its element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Vendor, product and serial number (T10 vendor ID).
    Vendor,
    /// The serial number alone (vendor specific).
    Serial,
    /// A world wide name (NAA).
    Naa,
    /// A serial number that the library made up.
    Logical,
    /// Nothing: DVCID is refused.
    None,
    /// Nothing: DVCID is ignored; the SCSI address is given instead.
    BusAddress,
}

/// How a sticker's text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barcodes {
    /// Filled up with spaces.
    Spaces,
    /// Filled up with zeros.
    Zeros,
    /// Six characters, without the two that name the medium.
    Six,
}

/// Whether it is remembered where a cartridge came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    Kept,
    LostAtPowerOn,
    Never,
}

/// What the element of a drive says that has a tape threaded. It never has ACCESS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadedDrive {
    Full,
    SaysEmpty,
}

/// What happens to a MOVE from a drive that has not unloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StillLoaded {
    /// 5/53/01: the drive did not unload.
    DriveDidNotUnload,
    /// 5/3A/00: no medium to be had.
    NoMedium,
    /// The library waits some minutes, gives up and says GOOD. Nothing has moved.
    GoodButNot,
}

/// Who hears that the door was open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attention {
    ChangerOnly,
    /// The drives behind the same bridge too.
    Everybody,
}

/// Whether there is EXCHANGE MEDIUM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    Offered,
    Refused,
}

/// Which INITIALIZE ELEMENT STATUS WITH RANGE there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// 37h, as in SMC-3.
    Standard,
    /// E7h, as SCSI-2 devices had it.
    Vendor,
    /// Neither.
    Neither,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_has_a_word_of_its_own_and_fits_its_inquiry() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::named(dialect.word()), Some(dialect));
            let json = serde_json::to_string(&dialect).unwrap();
            assert_eq!(json, format!("{:?}", dialect.word()));
            let profile = dialect.profile();
            assert!(profile.vendor.len() <= 8 && profile.product.len() <= 16);
            assert!(profile.revision.len() == 4 && !profile.story.is_empty());
        }
        assert_eq!(Dialect::named("no such"), None);
    }

    #[test]
    fn every_known_whim_is_in_some_dialect() {
        let some = |whim: fn(&Profile) -> bool| Dialect::ALL.iter().any(|it| whim(it.profile()));
        assert!(some(|it| it.tags_with_ids == TagsWithIds::Refused));
        assert!(some(|it| it.tags_with_ids == TagsWithIds::Garbled));
        assert!(some(|it| it.types == Types::OneAtATime));
        assert!(some(|it| it.types == Types::OnlyAll));
        assert!(some(|it| it.allocation == Allocation::LowTwoBytes));
        assert!(some(|it| it.first_ask == FirstAsk::HeaderOnly));
        assert!(some(|it| it.volume_tags == VolumeTags::Refused));
        assert!(some(|it| it.counts == Counts::WithoutPageHeaders));
        assert!(some(|it| it.counts == Counts::TooFew));
        assert!(some(|it| it.counts == Counts::TooMany));
        assert!(some(|it| it.tail == Tail::Nothing));
        assert!(some(|it| it.tail == Tail::Six));
        assert!(some(|it| it.tail == Tail::FourAndZeros));
        assert!(some(|it| it.alternate_tags == AlternateTags::Claimed));
        assert!(some(|it| it.addresses.arm.is_none()));
        assert!(some(|it| it.sources == Sources::LostAtPowerOn));
        assert!(some(|it| it.sources == Sources::Never));
        assert!(some(|it| it.phantom_mail));
        assert!(some(|it| it.loaded_drive == LoadedDrive::SaysEmpty));
        assert!(some(|it| it.attention == Attention::Everybody));
        assert!(some(|it| it.scan_s >= 300));
        assert!(some(|it| it.still_loaded == StillLoaded::GoodButNot));
        assert!(some(|it| it.still_loaded == StillLoaded::NoMedium));
        assert!(some(|it| it.barcodes == Barcodes::Zeros));
        assert!(some(|it| it.barcodes == Barcodes::Six));
        assert!(some(|it| it.ids == Ids::Serial));
        assert!(some(|it| it.ids == Ids::Naa));
        assert!(some(|it| it.ids == Ids::Logical));
        assert!(some(|it| it.ids == Ids::None));
        assert!(some(|it| it.ids == Ids::BusAddress));
        assert!(some(|it| it.exchange == Exchange::Offered));
        assert!(some(|it| it.range == Range::Vendor));
        assert!(some(|it| it.range == Range::Neither));
    }
}
