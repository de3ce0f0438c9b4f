//! One volume in one drive, and the image that is written on it: what measurements and the tests on real tape share.

use std::io;

use devices::Drive;
use format::contents::{self, Contents, Identity};
use format::frame::FrameTable;
use format::header::Image;
use taper::clerk::{Mounts, PartAt};
use taper::mount::{Appending, Consent, Identified, Loaded, Mounted, NewLabel, Placed};
use taper::scribe::{OtherError, Volumes, Wanted};
use types::{DleRef, DumpId, FileTime, Label, Level, Stamp};

const DUMP: DumpId = DumpId([1; 16]);

/// What the headers say of the image.
pub(crate) fn image(dle: &DleRef, run: Stamp) -> Image<'_> {
    Image {
        stamp: run,
        dle,
        level: Level::FULL,
        dump: DUMP,
        base: None,
        raw: None,
        stored: None,
        crc32c: None,
    }
}

/// What comes behind the frames of the image.
pub(crate) fn end(dle: &DleRef, run: Stamp, frames: FrameTable) -> io::Result<Vec<u8>> {
    let identity = Identity {
        version: contents::VERSION,
        host: dle.host.clone(),
        dle: dle.dle.clone(),
        level: Level::FULL,
        dump: DUMP,
        base: None,
        run,
        started: FileTime::default(),
        finished: FileTime::default(),
        program: "one volume".to_owned(),
        system: String::new(),
        frame_size: 4 << 20,
        entries: 0,
        gone: 0,
        raw_bytes: 0,
        strange: 0,
    };
    contents::encode(&Contents { identity, frames, index: Vec::new() }).map_err(io::Error::other)
}

/// The volume, written afresh whenever one is wanted.
pub(crate) struct OneVolume<D> {
    pub(crate) label: Label,
    pub(crate) stamp: Stamp,
    pub(crate) drive: Option<D>,
    pub(crate) parts: Vec<PartAt>,
}

impl<D: Drive> OneVolume<D> {
    pub(crate) fn new(label: Label, stamp: Stamp) -> Self {
        Self { label, stamp, drive: None, parts: Vec::new() }
    }

    fn loaded(&mut self) -> Result<Loaded<D>, OtherError> {
        Ok(Loaded::new(self.drive.take().ok_or("the drive is in use: one volume must do")?))
    }
}

impl<D: Drive> Volumes<D> for OneVolume<D> {
    fn next_volume(
        &mut self,
        _why: Wanted<'_>,
        _done: Option<Appending<D>>,
    ) -> Result<Appending<D>, OtherError> {
        let label = NewLabel { label: self.label.clone(), stamp: Some(self.stamp), pool: None };
        match self.loaded()?.identify()? {
            Identified::Blank(blank) => Ok(blank.label(label)?),
            // Nobody needs what the round before wrote.
            Identified::Labelled(mounted) => {
                let mut drive = mounted.into_drive();
                drive.rewind()?;
                drive.write_filemark()?;
                drive.flush()?;
                self.drive = Some(drive);
                match self.loaded()?.identify()? {
                    Identified::Blank(blank) => Ok(blank.label(label)?),
                    _ => Err("the volume could not be erased".into()),
                }
            }
            Identified::Foreign(foreign) => {
                let consent = Consent::to_overwrite(foreign.what().to_owned());
                Ok(foreign.overwrite(consent, label)?)
            }
        }
    }

    fn placed(&mut self, part: &Placed) -> Result<(), OtherError> {
        self.parts.push(part.into());
        Ok(())
    }
}

impl<D: Drive> Mounts<D> for OneVolume<D> {
    fn mount(
        &mut self,
        _label: &Label,
        _done: Option<Mounted<D>>,
    ) -> Result<Mounted<D>, OtherError> {
        match self.loaded()?.identify()? {
            Identified::Labelled(mounted) => Ok(mounted),
            _ => Err("the volume is gone".into()),
        }
    }
}
