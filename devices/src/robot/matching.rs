//! Which drive of this host sits in which bay of the changer.
//!
//! The order of nodes (`/dev/sg3`, `/dev/nst0`) has nothing to do with the order of bays, so nobody counts. The
//! changer says of each bay what the drive there is (READ ELEMENT STATUS with DVCID, SMC-3), and each drive says
//! who it is and sometimes where it sits (INQUIRY, VPD pages 80h, 83h, B1h, B3h, B4h). Two that say the same are a
//! pair:
//!
//! | rank | evidence | the changer says | the drive says |
//! |---|---|---|---|
//! | 1 | configured | – | the operator named bay and serial number |
//! | 2 | serial number | identifier (2,0) or (2,1) | VPD 80h |
//! | 2 | manufacturer's serial number | the same | VPD B1h |
//! | 2 | world-wide name | identifier (1,3) | VPD 83h, NAA of the logical unit |
//! | 2 | T10 identification | the same as a serial number | VPD 83h, T10 vendor identification |
//! | 3 | element address | its own addresses | VPD B4h, and VPD B3h names this changer |
//!
//! A lower rank is asked only about bays and drives that a higher one left over. Whatever could be two ways is
//! refused, with everything that was seen: a dump on the wrong cartridge costs more than an hour of the operator's.
//! Bays without a drive of this host, and drives without a bay, are no doubt: they are left out, and listed.

use std::collections::BTreeSet;

use types::DriveName;

use crate::scsi::page::designators::Name;

mod words;

pub use words::table;

/// A place for a drive, as the changer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaySeen {
    /// Which, counted from 0.
    pub index: u16,
    /// Its element address, today.
    pub address: u16,
    /// What the changer says of the drive there.
    pub claim: Option<Name>,
}

/// A drive, as it describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriveSeen {
    /// The node it was reached by, for messages.
    pub node: String,
    /// INQUIRY.
    pub vendor: String,
    /// INQUIRY.
    pub product: String,
    /// VPD 80h.
    pub serial: Option<String>,
    /// VPD B1h.
    pub made_serial: Option<String>,
    /// VPD 83h: the names of the logical unit.
    pub names: Vec<Name>,
    /// VPD B3h: the serial number of the library that it sits in.
    pub library: Option<String>,
    /// VPD B4h: the element address at which it sits.
    pub element: Option<u16>,
}

impl DriveSeen {
    fn is_called(&self, serial: &str) -> bool {
        let same = |known: &Option<String>| known.as_deref() == Some(serial);
        !serial.is_empty() && (same(&self.serial) || same(&self.made_serial))
    }
}

/// What the configuration says of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is to be called.
    pub name: DriveName,
    /// Its serial number.
    pub serial: String,
    /// In which bay it sits, counted from 0, if the operator had to say so.
    pub bay: Option<u16>,
}

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The changer's own serial number, for [`DriveSeen::library`].
    pub library: Option<String>,
    /// Whether a drive that does not say in which library it sits may sit in another.
    pub company: Company,
    /// The bays.
    pub bays: Vec<BaySeen>,
    /// The drives of this host.
    pub drives: Vec<DriveSeen>,
    /// What the operator says. If anything, only these drives are used.
    pub named: Vec<Named>,
}

/// Other changers on this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Company {
    /// This is the only one.
    Alone,
    /// There are others, or nobody looked.
    #[default]
    Others,
}

/// What makes a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// The operator's word.
    Configured,
    /// VPD 80h.
    Serial,
    /// VPD B1h.
    MadeSerial,
    /// VPD 83h, NAA.
    WorldWideName,
    /// VPD 83h, T10.
    T10,
    /// VPD B4h.
    ElementAddress,
}

/// A drive in its bay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What it is called: as configured, or `drive` and the number of the bay.
    pub name: DriveName,
    /// The bay's [`BaySeen::index`].
    pub bay: u16,
    /// Which of [`Seen::drives`].
    pub drive: usize,
    /// Why. Never empty.
    pub evidence: Vec<Evidence>,
}

/// Who sits where, without doubt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// In the order of bays.
    pub pairs: Vec<Pair>,
    /// Bays whose drive this host does not reach, or may not use.
    pub empty_bays: Vec<u16>,
    /// Drives that sit in no bay of this changer, or are not named.
    pub strangers: Vec<usize>,
    /// Drives that the configuration names and that were found in no bay.
    pub missing: Vec<Named>,
}

/// Something that could be two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Several drives are what the changer says is in this bay.
    SeveralDrives {
        /// The bay.
        bay: u16,
        /// The nodes of the drives.
        nodes: Vec<String>,
    },
    /// One drive is what the changer says is in several bays.
    SeveralBays {
        /// The node of the drive.
        node: String,
        /// The bays.
        bays: Vec<u16>,
    },
    /// The changer says that it is in one bay, the drive that it is in another of this very library.
    Contradiction {
        /// The node of the drive.
        node: String,
        /// Where the changer sees it, or the configuration.
        bay: u16,
        /// Where it sees itself, or where the changer sees it against the configuration.
        other: u16,
    },
    /// The configuration speaks of a bay that is not there.
    NoSuchBay(Named),
    /// The configuration gives two drives one name, or names one drive twice.
    NamedTwice(DriveName),
    /// Nobody says anything that anybody else says too.
    NothingInCommon,
}

/// Drives and bays that cannot be told apart. The message has everything that was seen, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", words::refusal(.doubts, .seen))]
pub struct Mismatch {
    /// Why it was refused.
    pub doubts: Vec<Doubt>,
    /// What was seen, as [`table`] shows it.
    pub seen: String,
}

/// A bay and a drive by their places in [`Seen`], and what speaks for them.
#[derive(Clone, Debug)]
struct Link {
    bay: usize,
    drive: usize,
    evidence: Vec<Evidence>,
}

/// Says which drive sits in which bay, or why nobody can tell.
pub fn matched(seen: &Seen) -> Result<Matching, Mismatch> {
    let mut doubts = doubts_of_names(seen);
    let mut links: Vec<Link> = Vec::new();
    for rank in [configured, identified, addressed] {
        let found = unambiguous(seen, free(seen, &links, rank), &mut doubts);
        links.extend(found);
    }
    doubts.extend(contradictions(seen, &links));
    if links.is_empty() && !seen.bays.is_empty() && !seen.drives.is_empty() && doubts.is_empty() {
        doubts.push(Doubt::NothingInCommon);
    }
    let matching = named(seen, links);
    doubts.extend(given_twice(&matching));
    if doubts.is_empty() { Ok(matching) } else { Err(Mismatch { doubts, seen: table(seen) }) }
}

/// A rank: what speaks for this drive in this bay.
type Rank = fn(&Seen, &BaySeen, &DriveSeen) -> Vec<Evidence>;

fn configured(seen: &Seen, bay: &BaySeen, drive: &DriveSeen) -> Vec<Evidence> {
    let here = |named: &&Named| named.bay == Some(bay.index) && drive.is_called(&named.serial);
    seen.named.iter().find(here).map(|_| Evidence::Configured).into_iter().collect()
}

fn identified(_: &Seen, bay: &BaySeen, drive: &DriveSeen) -> Vec<Evidence> {
    let Some(claim) = &bay.claim else { return Vec::new() };
    let serial = claim.serial();
    let is = |known: &str| serial.is_some_and(|serial| says(serial, drive, known));
    let some = |known: &Option<String>| known.as_deref().is_some_and(is);
    let worldwide = matches!(claim, Name::Worldwide(_)) && drive.names.contains(claim);
    let t10 = |name: &Name| matches!(name, Name::Vendor { .. }) && name.serial().is_some_and(is);
    [
        (some(&drive.serial), Evidence::Serial),
        (some(&drive.made_serial), Evidence::MadeSerial),
        (worldwide, Evidence::WorldWideName),
        (drive.names.iter().any(t10), Evidence::T10),
    ]
    .into_iter()
    .filter_map(|(true_here, evidence)| true_here.then_some(evidence))
    .collect()
}

/// Does the changer mean this serial number? Some put vendor and product before it, although they call it a text
/// of their own.
fn says(claimed: &str, drive: &DriveSeen, known: &str) -> bool {
    if known.is_empty() {
        return false;
    }
    let behind = claimed.strip_prefix(drive.vendor.as_str()).map(str::trim_start);
    let behind = behind.and_then(|rest| rest.strip_prefix(drive.product.as_str()));
    claimed == known || behind.is_some_and(|rest| rest.trim_start() == known)
}

fn addressed(seen: &Seen, bay: &BaySeen, drive: &DriveSeen) -> Vec<Evidence> {
    let here = drive.element == Some(bay.address) && {
        match (&drive.library, &seen.library) {
            (Some(drives), Some(changers)) => drives == changers,
            // Another library of the same make has the same addresses. And a bay whose drive the changer can
            // name is not given to a drive of another name on so little.
            _ => seen.company == Company::Alone && bay.claim.is_none(),
        }
    };
    if here { vec![Evidence::ElementAddress] } else { Vec::new() }
}

/// What a rank says of the bays and drives that are still free.
fn free(seen: &Seen, links: &[Link], rank: Rank) -> Vec<Link> {
    let mut found = Vec::new();
    for (bay, bay_seen) in seen.bays.iter().enumerate() {
        for (drive, drive_seen) in seen.drives.iter().enumerate() {
            let evidence = rank(seen, bay_seen, drive_seen);
            let taken = links.iter().any(|link| link.bay == bay || link.drive == drive);
            if !evidence.is_empty() && !taken {
                found.push(Link { bay, drive, evidence });
            }
        }
    }
    found
}

/// Keeps the links that leave no choice. The others are doubts.
fn unambiguous(seen: &Seen, links: Vec<Link>, doubts: &mut Vec<Doubt>) -> Vec<Link> {
    for (at, bay) in seen.bays.iter().enumerate() {
        let drives: Vec<&Link> = links.iter().filter(|link| link.bay == at).collect();
        if drives.len() > 1 {
            let nodes = drives.iter().map(|link| node(seen, link.drive)).collect();
            doubts.push(Doubt::SeveralDrives { bay: bay.index, nodes });
        }
    }
    for at in 0..seen.drives.len() {
        let bays: Vec<u16> = links
            .iter()
            .filter(|link| link.drive == at)
            .filter_map(|link| index(seen, link.bay))
            .collect();
        if bays.len() > 1 {
            doubts.push(Doubt::SeveralBays { node: node(seen, at), bays });
        }
    }
    let count = |same: &dyn Fn(&Link) -> bool| links.iter().filter(|link| same(link)).count();
    let alone = |link: &&Link| {
        count(&|other| other.bay == link.bay) == 1 && count(&|other| other.drive == link.drive) == 1
    };
    links.iter().filter(alone).cloned().collect()
}

/// Where what made a pair and what else was said do not go together.
fn contradictions(seen: &Seen, links: &[Link]) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for link in links {
        let (Some(bay), Some(drive)) = (seen.bays.get(link.bay), seen.drives.get(link.drive))
        else {
            continue;
        };
        for other in seen.bays.iter().filter(|other| other.index != bay.index) {
            // Without the library's serial number an address proves nothing: partitions of a library number
            // their bays anew, and the drive may go on telling the old address.
            let at_home = drive.library.is_some() && drive.library == seen.library;
            let elsewhere = at_home && drive.element == Some(other.address);
            let seen_elsewhere = link.evidence.contains(&Evidence::Configured)
                && !identified(seen, other, drive).is_empty();
            if elsewhere || seen_elsewhere {
                let node = drive.node.clone();
                doubts.push(Doubt::Contradiction { node, bay: bay.index, other: other.index });
            }
        }
    }
    doubts
}

/// Names that cannot be given.
fn doubts_of_names(seen: &Seen) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let (mut names, mut serials) = (BTreeSet::new(), BTreeSet::new());
    for named in &seen.named {
        if !names.insert(&named.name) || !serials.insert(&named.serial) {
            doubts.push(Doubt::NamedTwice(named.name.clone()));
        }
        let there = |bay: u16| seen.bays.iter().any(|seen| seen.index == bay);
        if named.bay.is_some_and(|bay| !there(bay)) {
            doubts.push(Doubt::NoSuchBay(named.clone()));
        }
    }
    doubts
}

/// Gives the pairs their names, and says who is left.
fn named(seen: &Seen, links: Vec<Link>) -> Matching {
    let mut matching = Matching::default();
    for link in links {
        let (Some(bay), Some(drive)) = (index(seen, link.bay), seen.drives.get(link.drive)) else {
            continue;
        };
        if let Some(name) = name(seen, bay, drive) {
            matching.pairs.push(Pair { name, bay, drive: link.drive, evidence: link.evidence });
        }
    }
    matching.pairs.sort_by_key(|pair| pair.bay);
    let pairs = &matching.pairs;
    let bays = seen.bays.iter().map(|bay| bay.index);
    matching.empty_bays = bays.filter(|bay| pairs.iter().all(|pair| pair.bay != *bay)).collect();
    let drives = 0..seen.drives.len();
    matching.strangers = drives.filter(|at| pairs.iter().all(|pair| pair.drive != *at)).collect();
    let absent = |named: &&Named| pairs.iter().all(|pair| pair.name != named.name);
    matching.missing = seen.named.iter().filter(absent).cloned().collect();
    matching
}

/// One drive's serial number may be the manufacturer's serial number of another, and both get its name.
fn given_twice(matching: &Matching) -> Vec<Doubt> {
    let mut names = BTreeSet::new();
    let pairs = matching.pairs.iter().map(|pair| &pair.name);
    pairs.filter(|name| !names.insert(*name)).cloned().map(Doubt::NamedTwice).collect()
}

/// The name of a drive; none if the configuration names others and not this.
fn name(seen: &Seen, bay: u16, drive: &DriveSeen) -> Option<DriveName> {
    if seen.named.is_empty() {
        return format!("drive{bay}").parse().ok();
    }
    let named = seen.named.iter().find(|named| drive.is_called(&named.serial))?;
    Some(named.name.clone())
}

fn node(seen: &Seen, drive: usize) -> String {
    seen.drives.get(drive).map(|drive| drive.node.clone()).unwrap_or_default()
}

fn index(seen: &Seen, bay: usize) -> Option<u16> {
    seen.bays.get(bay).map(|bay| bay.index)
}

#[cfg(test)]
mod tests;
