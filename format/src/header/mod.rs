//! The first block of every file on a volume, and of every file on a holding disk: Amanda's header.
//!
//! ```text
//! AMANDA: SPLIT_FILE 20261123010203 web /srv  part 1/-1  lev 0 comp cust program APPLICATION server_custom_compress /usr/bin/zstd
//! APPLICATION=amgtar
//! REELKEEP-VERSION=1
//! REELKEEP-DUMP=0192f0c1…                lines that Amanda passes over, and that say the rest
//! DLE=<<ENDDLE
//! <dle> … </dle>
//! ENDDLE
//! To restore, position tape at start of file and run:
//!         dd if=<tape> bs=32k skip=1 | /usr/bin/zstd -dc | tar … -xpGf -
//! (form feed), NUL bytes to the end of the block
//! ```
//!
//! A person with `dd` and `less` can read it, Amanda 3.5 restores by it, and we read Amanda's. Words end at
//! blanks; a word with anything unusual in it is quoted. Whatever a reader does not know, it passes over.

mod decode;
mod encode;
mod name;
mod quote;

use std::path::PathBuf;

use types::{BlockSize, Bytes, Digest, DleRef, DumpId, Label, Level, PartNo, PoolName, Stamp};

pub use decode::decode;
pub use encode::encode;
pub use name::image_name;
pub use quote::{quote, unquote};

/// The version of the lines that are ours.
pub const VERSION: u32 = 1;
/// What our images are decompressed with.
pub const ZSTD: &str = "/usr/bin/zstd";

/// What a first block says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// The label: file 0 of a volume.
    TapeStart(TapeStart),
    /// The end of a volume, as old programs wrote it.
    TapeEnd,
    /// A file that has no meaning.
    Noop,
    /// The first file of an image on a holding disk, or a whole dump of an old program.
    File(DumpHeader),
    /// A further file of an image on a holding disk.
    ContFile(DumpHeader),
    /// A part of an image on a volume.
    SplitFile {
        /// Which part.
        part: PartNo,
        /// Of how many; none if that was not known yet.
        total: Option<u32>,
        /// The dump.
        dump: DumpHeader,
    },
    /// Nothing was ever written here.
    Empty,
    /// Something else was written here.
    Weird,
}

/// The label of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeStart {
    /// The run that began the volume; none if it was labelled and not written since.
    pub stamp: Option<Stamp>,
    /// Its name.
    pub label: Label,
    /// The length of its blocks, if the label says so.
    pub block_size: Option<BlockSize>,
    /// The pool it belongs to, if the label says so.
    pub pool: Option<PoolName>,
}

/// What the header of an image, or of a part of one, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpHeader {
    /// The run.
    pub stamp: Option<Stamp>,
    /// The host, as the configuration names it.
    pub host: String,
    /// The DLE.
    pub disk: String,
    /// The level.
    pub level: Level,
    /// How it is compressed: `N`, `.gz`, `cust` …
    pub comp: String,
    /// The program that made it.
    pub program: String,
    /// The further words of the first line, by name: `server_custom_compress`, `crypt` …
    pub words: Vec<(String, String)>,
    /// The application that made it.
    pub application: Option<String>,
    /// The file of the holding disk that follows.
    pub next_file: Option<PathBuf>,
    /// Whether the image is known to be incomplete.
    pub partial: bool,
    /// The size before compression, in KiB.
    pub orig_kib: Option<u64>,
    /// CRC-32C and length of what the application wrote.
    pub native_crc: Option<(u32, u64)>,
    /// CRC-32C and length of what the client sent.
    pub client_crc: Option<(u32, u64)>,
    /// CRC-32C and length of what is stored.
    pub server_crc: Option<(u32, u64)>,
    /// The DLE as Amanda's XML.
    pub dle_xml: Option<String>,
    /// How to restore with stock tools: the commands of a pipeline, first to last.
    pub pipeline: Vec<String>,
    /// What Reelkeep says beyond that; none in headers of other programs.
    pub ours: Option<Ours>,
}

/// What only Reelkeep's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Version of these lines.
    pub version: u32,
    /// The dump.
    pub dump: DumpId,
    /// The dump it builds on.
    pub base: Option<DumpId>,
    /// Of what: the names as they are, which the first line can't always say.
    pub dle: DleRef,
    /// Bytes of the tar stream, if known.
    pub raw: Option<Bytes>,
    /// Bytes of the image, if known.
    pub stored: Option<Bytes>,
    /// Which stretch of the image this part is.
    pub stretch: Option<Stretch>,
}

/// A stretch of an image, as the header of its part knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first frame.
    pub first_frame: u32,
    /// Its last frame, if that was known before it was written.
    pub last_frame: Option<u32>,
    /// Where in the image it begins.
    pub offset: u64,
    /// How long it is, if that was known before it was written.
    pub bytes: Option<u64>,
    /// SHA-256 of the image before this part.
    pub sha256_before: Option<Digest>,
    /// CRC-32C of the image before this part.
    pub crc32c_before: u32,
}

/// What goes into the header of an image.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// The run.
    pub stamp: Stamp,
    /// Of what.
    pub dle: &'a DleRef,
    /// At which level.
    pub level: Level,
    /// The dump.
    pub dump: DumpId,
    /// What it builds on.
    pub base: Option<DumpId>,
    /// Bytes of the tar stream, if known.
    pub raw: Option<Bytes>,
    /// Bytes of the image, if known.
    pub stored: Option<Bytes>,
    /// CRC-32C of the image, if known.
    pub crc32c: Option<u32>,
}

impl DumpHeader {
    /// The header of an image of ours: a file of it on a holding disk, or (with a stretch) a part of it.
    pub fn of(image: &Image<'_>, stretch: Option<Stretch>) -> Self {
        let stored_crc = image.crc32c.zip(image.stored).map(|(crc, stored)| (crc, stored.0));
        Self {
            stamp: Some(image.stamp),
            host: image.dle.host.to_string(),
            disk: image.dle.dle.to_string(),
            level: image.level,
            comp: "cust".to_owned(),
            program: "APPLICATION".to_owned(),
            words: vec![("server_custom_compress".to_owned(), ZSTD.to_owned())],
            application: Some("amgtar".to_owned()),
            next_file: None,
            partial: false,
            orig_kib: image.raw.map(|raw| raw.0.div_ceil(1024)),
            native_crc: None,
            client_crc: None,
            server_crc: stored_crc,
            dle_xml: Some(encode::dle_xml(image.dle, image.level)),
            pipeline: encode::pipeline(),
            ours: Some(Ours {
                version: VERSION,
                dump: image.dump,
                base: image.base,
                dle: image.dle.clone(),
                raw: image.raw,
                stored: image.stored,
                stretch,
            }),
        }
    }

    /// The value of a further word of the first line.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.words.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A block that begins as a header and can't be one, or a header that can't be a block.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// A word is missing, or is not what should stand there.
    #[error("the header's first line has no {0}")]
    FirstLine(&'static str),
    /// A line is longer than any header's.
    #[error("the header's first line does not end")]
    Endless,
    /// A line of ours is not what it should be.
    #[error("the header's line {0} is damaged")]
    Line(&'static str),
    /// Written by a later version.
    #[error("the header has version {0}, which a newer Reelkeep wrote: use that to read it")]
    Newer(u32),
    /// The header does not fit.
    #[error("a header of {length} bytes does not fit into a block of {block}")]
    TooLong {
        /// Of the header.
        length: usize,
        /// Of the block.
        block: usize,
    },
}

#[cfg(test)]
mod tests;
