//! The holding disks, and what really lies on them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use server::dispatcher::Share;
use taper::catalogue::Dump;
use types::{Bytes, DumpId};

/// A whole image. It says of itself what the catalogue has to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) dump: Dump,
    pub(crate) on: Vec<Share>,
    pub(crate) readable: bool,
}

impl Image {
    /// What it takes of the disks.
    pub(crate) fn bytes(&self) -> Bytes {
        self.on.iter().map(|share| share.bytes).sum()
    }
}

/// The disks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holding {
    /// How large each is.
    pub(crate) disks: Vec<Bytes>,
    /// What somebody else has put on each.
    pub(crate) foreign: Vec<Bytes>,
    pub(crate) images: BTreeMap<DumpId, Image>,
    /// Images that arrive, or that a crash cut off.
    pub(crate) partial: BTreeMap<DumpId, Vec<Share>>,
}

impl Holding {
    pub(crate) fn new(disks: Vec<Bytes>) -> Self {
        let foreign = vec![Bytes::ZERO; disks.len()];
        Self { disks, foreign, ..Self::default() }
    }

    /// What is free on each disk.
    pub(crate) fn free(&self) -> Vec<Bytes> {
        let disks = self.disks.iter().zip(&self.foreign).zip(self.used());
        disks.map(|((&all, &foreign), used)| all - foreign - used).collect()
    }

    /// What images take of each disk, and what was promised to those that arrive.
    pub(crate) fn used(&self) -> Vec<Bytes> {
        let mut used = vec![Bytes::ZERO; self.disks.len()];
        let images = self.images.values().flat_map(|image| &image.on);
        for share in images.chain(self.partial.values().flatten()) {
            used[share.disk.0] += share.bytes;
        }
        used
    }
}

/// Where the first file of an image is.
pub(crate) fn path(dump: DumpId) -> PathBuf {
    PathBuf::from(format!("/world/holding/{dump}"))
}
