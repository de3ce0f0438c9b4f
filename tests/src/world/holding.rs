//! The holding disks, and what really lies on them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use server::dispatcher::{DiskNo, Share};
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
        let images = self.images.values().flat_map(|image| &image.on);
        let shares = || images.clone().chain(self.partial.values().flatten());
        let used = |no: usize| -> Bytes {
            shares().filter(|share| share.disk == DiskNo(no)).map(|share| share.bytes).sum()
        };
        let disks = self.disks.iter().zip(&self.foreign).enumerate();
        disks.map(|(no, (&all, &foreign))| all - foreign - used(no)).collect()
    }
}

/// Where the first file of an image is.
pub(crate) fn path(dump: DumpId) -> PathBuf {
    PathBuf::from(format!("/world/holding/{dump}"))
}
