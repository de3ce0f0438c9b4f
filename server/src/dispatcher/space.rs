//! The ledger of the holding disks: what is promised, to whom, and on which disk.
//!
//! Space is promised before the first byte of an image arrives, so that two images never find out together
//! that the disk is full. Every chunk of an image begins with a header of 32 KiB, which counts as well.
//! An image may lie on several disks; the disk that the fewest dumps are arriving on is taken first, so that
//! the work is spread.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use types::{BlockSize, Bytes, DumpId};

/// A holding disk, by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskNo(pub usize);

/// Space on one disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which disk.
    pub disk: DiskNo,
    /// How much, headers included.
    pub bytes: Bytes,
}

/// A holding disk, as the run finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What this run may use of it: images that already lie there are taken off.
    pub room: Bytes,
    /// The length of a chunk with its header; zero for chunks without end.
    pub chunk: Bytes,
}

/// A promise of space on holding disks. Only the ledger makes one; whoever writes the image uses it up.
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    shares: Vec<Share>,
}

impl Reservation {
    /// Where, and how much; in the order in which it should be used.
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// All of it, headers included.
    pub fn bytes(&self) -> Bytes {
        self.shares.iter().map(|share| share.bytes).sum()
    }
}

/// Less than this on one disk is not worth a chunk.
const LEAST: Bytes = Bytes(128 << 10);
/// What a growing image gets more at a time, at least, if it is there.
const STEP: Bytes = Bytes(16 << 20);

#[derive(Debug)]
struct Account {
    disk: Disk,
    free: Bytes,
    /// What there is, free or not.
    all: Bytes,
    /// Nothing new is put here: it had less space than it claimed.
    refused: bool,
}

impl Account {
    fn open(&self) -> bool {
        !self.refused
    }

    /// What `data` takes here, with a header for each chunk.
    fn with_headers(&self, data: Bytes) -> Bytes {
        let chunks = self.payload().map_or(1, |payload| data.0.div_ceil(payload.0).max(1));
        data.rounded_up(BlockSize::HEADER.bytes()) + BlockSize::HEADER.bytes().times(chunks)
    }

    /// How much data the free space takes.
    fn data_room(&self) -> Bytes {
        self.takes(self.free)
    }

    /// How much data so much space takes.
    fn takes(&self, space: Bytes) -> Bytes {
        let header = BlockSize::HEADER.bytes();
        let Some(payload) = self.payload() else { return space - header };
        let chunk = payload + header;
        payload.times(space.0 / chunk.0) + (Bytes(space.0 % chunk.0) - header)
    }

    /// What of a chunk is not header, if chunks have an end.
    fn payload(&self) -> Option<Bytes> {
        let header = BlockSize::HEADER.bytes();
        let payload = Bytes(self.disk.chunk.0 / header.0 * header.0) - header;
        (payload > Bytes::ZERO).then_some(payload)
    }
}

/// What is free, and who has the rest.
#[derive(Debug)]
pub(crate) struct Space {
    disks: Vec<Account>,
    promised: BTreeMap<DumpId, Vec<Share>>,
    /// The dumps that are arriving, of those that have space.
    arriving: BTreeSet<DumpId>,
}

impl Space {
    pub(crate) fn new(disks: Vec<Disk>) -> Self {
        let account =
            |disk: Disk| Account { disk, free: disk.room, all: disk.room, refused: false };
        Self {
            disks: disks.into_iter().map(account).collect(),
            promised: BTreeMap::new(),
            arriving: BTreeSet::new(),
        }
    }

    /// What can still be promised.
    pub(super) fn free(&self) -> Bytes {
        self.disks.iter().filter(|a| a.open()).map(|a| a.free).sum()
    }

    /// What there is, free or not.
    pub(super) fn total(&self) -> Bytes {
        self.disks.iter().filter(|a| a.open()).map(|a| a.all).sum()
    }

    /// True when `data` would fit if nothing else were on the disks.
    pub(crate) fn could_ever_hold(&self, data: Bytes) -> bool {
        let open = self.disks.iter().filter(|account| account.open());
        open.map(|account| account.takes(account.all)).sum::<Bytes>() >= data
    }

    /// True when `data` fits and `untouched` bytes stay free.
    pub(crate) fn fits(&self, data: Bytes, untouched: Bytes) -> bool {
        let free = self.free();
        let whole = |account: &Account| {
            let bytes = account.with_headers(data);
            bytes <= account.free && free - bytes >= untouched
        };
        // Mostly it fits on one disk, and this is asked for every dump that waits.
        self.disks.iter().filter(|account| account.open()).any(whole)
            || data + untouched < free
                && self.cut(data, None).is_some_and(|shares| {
                    let bytes: Bytes = shares.iter().map(|share| share.bytes).sum();
                    free - bytes >= untouched
                })
    }

    /// Promises space for an image of `data` bytes, if it is there.
    pub(crate) fn reserve(&mut self, dump: DumpId, data: Bytes) -> Option<Reservation> {
        let shares = self.cut(data, None)?;
        self.arriving.insert(dump);
        Some(self.promise(dump, shares))
    }

    /// Promises more space for an image that outgrew its estimate: a quarter of what it `used`, or what is
    /// there, as long as `untouched` bytes stay free.
    pub(super) fn grow(
        &mut self,
        dump: DumpId,
        used: Bytes,
        untouched: Bytes,
    ) -> Option<Reservation> {
        let preferred = self.promised.get(&dump)?.last()?.disk;
        let room: Bytes = self.disks.iter().filter(|a| a.open()).map(Account::data_room).sum();
        let spare = (self.free() - untouched).min(room);
        let want = Bytes(used.0 / 4).max(STEP).min(Bytes(spare.0 / 2).max(LEAST));
        let shares = self.cut(want, Some(preferred))?;
        let bytes: Bytes = shares.iter().map(|share| share.bytes).sum();
        (bytes + untouched <= self.free()).then(|| self.promise(dump, shares))
    }

    /// The image is whole and takes this much.
    pub(super) fn settle(&mut self, dump: DumpId, on: Vec<Share>) {
        self.release(dump);
        self.promise(dump, on);
    }

    /// An image of an earlier run lies there; its space was never counted as free.
    pub(super) fn adopt(&mut self, dump: DumpId, on: Vec<Share>) {
        for share in &on {
            if let Some(account) = self.disks.get_mut(share.disk.0) {
                account.all += share.bytes;
            }
        }
        self.promised.insert(dump, on);
    }

    /// Nothing of the image is left on the disks.
    pub(crate) fn release(&mut self, dump: DumpId) {
        self.arriving.remove(&dump);
        for share in self.promised.remove(&dump).unwrap_or_default() {
            if let Some(account) = self.disks.get_mut(share.disk.0) {
                account.free += share.bytes;
            }
        }
    }

    /// Puts nothing new on this disk.
    pub(super) fn refuse(&mut self, disk: DiskNo) {
        if let Some(account) = self.disks.get_mut(disk.0) {
            account.refused = true;
        }
    }

    fn promise(&mut self, dump: DumpId, shares: Vec<Share>) -> Reservation {
        for share in &shares {
            if let Some(account) = self.disks.get_mut(share.disk.0) {
                account.free = account.free - share.bytes;
            }
        }
        self.promised.entry(dump).or_default().extend(&shares);
        Reservation { shares }
    }

    /// Cuts `data` into shares of disks with free space.
    fn cut(&self, data: Bytes, preferred: Option<DiskNo>) -> Option<Vec<Share>> {
        let mut left = data.max(Bytes(1));
        let mut shares = Vec::new();
        for disk in self.in_order(preferred) {
            let account = &self.disks[disk.0];
            if account.with_headers(left) <= account.free {
                shares.push(Share { disk, bytes: account.with_headers(left) });
                return Some(shares);
            }
            let takes = account.data_room();
            if takes >= LEAST {
                shares.push(Share { disk, bytes: account.free });
                left = left - takes;
            }
        }
        None
    }

    /// The usable disks: the preferred one, then those that the fewest dumps arrive on, then those with the
    /// most space.
    fn in_order(&self, preferred: Option<DiskNo>) -> Vec<DiskNo> {
        let open = self.disks.iter().enumerate().filter(|(_, a)| a.open());
        let mut disks: Vec<DiskNo> = open.map(|(no, _)| DiskNo(no)).collect();
        disks.sort_by_key(|&disk| {
            (
                Some(disk) != preferred,
                self.arriving_on(disk),
                Reverse(self.disks[disk.0].free),
                disk,
            )
        });
        disks
    }

    fn arriving_on(&self, disk: DiskNo) -> usize {
        let uses = |dump: &&DumpId| {
            self.promised.get(dump).is_some_and(|shares| shares.iter().any(|s| s.disk == disk))
        };
        self.arriving.iter().filter(uses).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> DumpId {
        DumpId::new(number, [0; 10])
    }

    fn disks(rooms: &[u64]) -> Space {
        let disk = |&room: &u64| Disk { room: Bytes(room << 20), chunk: Bytes(1 << 20) };
        Space::new(rooms.iter().map(disk).collect())
    }

    #[test]
    fn a_header_is_counted_for_every_chunk() {
        let mut space = disks(&[100]);
        let reservation = space.reserve(id(1), Bytes(10 << 20)).unwrap();
        // 992 KiB of data in each chunk: eleven chunks.
        assert_eq!(reservation.bytes(), Bytes((10 << 20) + 11 * (32 << 10)));
    }

    #[test]
    fn an_image_may_lie_on_several_disks() {
        let mut space = disks(&[10, 20]);
        let reservation = space.reserve(id(1), Bytes(25 << 20)).unwrap();
        let on: Vec<_> = reservation.shares().iter().map(|share| share.disk.0).collect();
        assert_eq!(on, [1, 0]);
        assert!(space.reserve(id(2), Bytes(10 << 20)).is_none());
        space.release(id(1));
        assert_eq!(space.free(), Bytes(30 << 20));
    }

    #[test]
    fn the_disk_with_the_fewest_arriving_images_is_taken() {
        let mut space = disks(&[100, 50]);
        for (number, disk) in [(1, 0), (2, 1), (3, 0)] {
            let reservation = space.reserve(id(number), Bytes(1 << 20)).unwrap();
            assert_eq!(reservation.shares()[0].disk, DiskNo(disk), "image {number}");
        }
    }

    #[test]
    fn a_growing_image_stays_on_its_disk() {
        let mut space = disks(&[10, 200]);
        space.reserve(id(1), Bytes(100 << 20)).unwrap();
        let more = space.grow(id(1), Bytes(100 << 20), Bytes::ZERO).unwrap();
        assert_eq!(more.shares()[0].disk, DiskNo(1));
    }

    #[test]
    fn a_disk_that_broke_its_word_gets_nothing_new() {
        let mut space = disks(&[100, 10]);
        space.refuse(DiskNo(0));
        assert_eq!(space.free(), Bytes(10 << 20));
        assert!(space.reserve(id(1), Bytes(20 << 20)).is_none());
    }

    #[test]
    fn leftovers_give_their_space_when_they_are_written() {
        let mut space = disks(&[10]);
        let on = vec![Share { disk: DiskNo(0), bytes: Bytes(90 << 20) }];
        space.adopt(id(1), on);
        assert_eq!((space.free(), space.total()), (Bytes(10 << 20), Bytes(100 << 20)));
        assert!(space.could_ever_hold(Bytes(80 << 20)));
        space.release(id(1));
        assert_eq!(space.free(), Bytes(100 << 20));
    }

    proptest! {
        #[test]
        fn no_disk_is_ever_promised_twice(
            rooms in proptest::collection::vec(0u64..200, 0..4),
            steps in proptest::collection::vec((0u64..8, 0u8..4, 1u64..100 << 20), 0..60),
        ) {
            let mut space = disks(&rooms);
            let all: u64 = rooms.iter().map(|room| room << 20).sum();
            for (number, what, size) in steps {
                let dump = id(number);
                match what {
                    0 if !space.promised.contains_key(&dump) => {
                        if let Some(got) = space.reserve(dump, Bytes(size)) {
                            prop_assert!(got.bytes() > Bytes(size));
                        }
                    }
                    1 => { space.grow(dump, Bytes(size), Bytes(1 << 20)); }
                    2 => space.release(dump),
                    _ => (),
                }
                for (no, account) in space.disks.iter().enumerate() {
                    let here = space.promised.values().flatten().filter(|s| s.disk.0 == no);
                    let promised: Bytes = here.map(|share| share.bytes).sum();
                    prop_assert_eq!(promised + account.free, account.disk.room);
                }
                prop_assert_eq!(space.total(), Bytes(all));
            }
        }
    }
}
