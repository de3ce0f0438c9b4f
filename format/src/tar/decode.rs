//! Headers into entries: a reader that is fed with pieces of any length.
//!
//! ```
//! # use format::tar::{Decoder, Event, Limits, TarError};
//! # fn read(pieces: &[&[u8]]) -> Result<(), TarError> {
//! let mut decoder = Decoder::new(Limits::default());
//! for mut piece in pieces.iter().copied() {
//!     while let Some(event) = decoder.next(&mut piece)? {
//!         match event {
//!             Event::Entry { entry, data_len } => { /* make it */ }
//!             Event::Data { at, bytes } => { /* write `bytes` at offset `at` */ }
//!             Event::EntryEnd => { /* set its times */ }
//!             Event::Refused { name, why } => { /* complain */ }
//!             Event::End => {}
//!         }
//!     }
//! }
//! decoder.finish()
//! # }
//! # assert!(read(&[]).is_ok());
//! ```
//!
//! It may begin at any member, so that one entry can be read from the middle of an image. After an error it
//! stays where it is: what follows could be anything.

use types::FileTime;

use super::header::{Header, more_gnu_extents};
use super::records::{Records, within};
use super::sparse::{EXTENTS_MOST, MapError, MapReader, check_extents, stored_len};
use super::{BLOCK, padding};
use crate::entry::{Entry, Extent, Kind};
use crate::path::{self, BadPath};

/// How much of a foreign archive is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One record of an extended header, in bytes.
    pub record: usize,
    /// All extended headers of one member, in bytes.
    pub extended: usize,
    /// A path, the target of a link, or the name of an owner, in bytes.
    pub name: usize,
    /// The value of an extended attribute, in bytes.
    pub xattr: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { record: 1 << 20, extended: 16 << 20, name: path::LONGEST, xattr: 64 << 10 }
    }
}

/// What comes next in a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An entry begins.
    Entry {
        /// What its headers say.
        entry: Box<Entry>,
        /// How many bytes will come as data: the size of a file without its holes.
        data_len: u64,
    },
    /// Contents of the entry.
    Data {
        /// Where in the file they belong.
        at: u64,
        /// Some of them, never none.
        bytes: &'a [u8],
    },
    /// The entry is whole.
    EntryEnd,
    /// A member that must not be extracted, because its path, or that of the file it is a hard link to, would
    /// lead out of the tree. It is passed over.
    Refused {
        /// The path as the archive has it.
        name: Vec<u8>,
        /// What is wrong with it.
        why: BadPath,
    },
    /// The archive ends. Whatever follows is swallowed.
    End,
}

/// A tar that cannot be read on.
#[derive(Debug, thiserror::Error)]
#[error("could not read the tar at byte {at}")]
pub struct TarError {
    /// Where the block begins that is wrong, counted from where reading began.
    pub at: u64,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What can be wrong with a tar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The block is no header, or a damaged one.
    #[error("this is not a tar header, or it is damaged: its checksum is wrong")]
    Checksum,
    /// A field of a header, or a record, does not hold what it should.
    #[error("the field {0:?} cannot be understood")]
    Field(&'static str),
    /// An extended header is not made of records.
    #[error("an extended header cannot be understood: {0}")]
    Record(&'static str),
    /// Longer than [`Limits`] allows.
    #[error("{what} has {len} bytes, and {most} are allowed")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// How long it says it is.
        len: u64,
        /// How long it may be.
        most: usize,
    },
    /// More than a file can have.
    #[error("a member has too many extended attributes")]
    TooManyXattrs,
    /// The map of a sparse file.
    #[error("the map of a sparse file cannot be followed")]
    Map(#[source] MapError),
    /// The forms before 1.0.
    #[error("a sparse file is in a form that is not read here: GNU tar reads it")]
    OldSparse,
    /// A member that began on an earlier volume of GNU tar's.
    #[error("this is the rest of a file from an earlier volume: GNU tar -M reads it")]
    Continuation,
    /// The bytes end too early.
    #[error("the tar is cut off")]
    CutOff,
    /// An error came before.
    #[error("reading stopped here at an earlier error")]
    Stopped,
}

/// Reads a tar.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    state: State,
    /// Bytes taken so far.
    taken: u64,
    /// Where the last block of headers began.
    began: u64,
    /// A part of a block, or an extended header, a name or a listing.
    collected: Vec<u8>,
    /// What is said about the next member.
    ahead: Ahead,
    /// An entry that cannot begin yet: its listing or its map is to come.
    waiting: Option<Box<Entry>>,
    map: MapReader,
    /// Stored bytes of the current member that are still to come, without padding.
    left: u64,
    /// Padding behind them.
    pad: usize,
    /// Where its data belong in the file, last first.
    extents: Vec<Extent>,
    /// Zeros before the data of the next extent.
    gap: usize,
}

/// What members before a member say about it.
#[derive(Debug, Default)]
struct Ahead {
    /// How long they were together.
    len: usize,
    records: Records,
    /// GNU tar's long names.
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At a header.
    Header,
    /// Behind one block of zeros.
    Zeros,
    /// In a member that is about the next one, or in a listing.
    Collecting(Collected),
    /// In a block with more extents, in GNU tar's own format.
    Extents,
    /// In the map of a sparse file.
    Map,
    /// In the data of an entry.
    Data,
    /// In what is left of a member.
    Skipping,
    /// Behind the end.
    Ended,
    /// After an error.
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collected {
    Records,
    Name,
    Link,
    Listing,
}

impl Decoder {
    /// A reader that stands at a header.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Header,
            taken: 0,
            began: 0,
            collected: Vec::new(),
            ahead: Ahead::default(),
            waiting: None,
            map: MapReader::default(),
            left: 0,
            pad: 0,
            extents: Vec::new(),
            gap: 0,
        }
    }

    /// What comes next; `None` when all of `input` was taken and more is needed to tell.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, TarError> {
        loop {
            match self.step(input) {
                Ok(Step::On) => {}
                Ok(Step::Event(event)) => return Ok(Some(event)),
                Ok(Step::More) => return Ok(None),
                Err(problem) => {
                    self.state = State::Stopped;
                    return Err(TarError { at: self.began, problem });
                }
            }
        }
    }

    /// Makes sure that the bytes did not end in the middle of a member.
    pub fn finish(&self) -> Result<(), TarError> {
        let problem = match self.state {
            State::Ended => return Ok(()),
            State::Header | State::Zeros if self.collected.is_empty() && self.ahead.len == 0 => {
                return Ok(());
            }
            State::Skipping if self.left == 0 && self.pad == 0 && self.ahead.len == 0 => {
                return Ok(());
            }
            State::Stopped => Problem::Stopped,
            _ => Problem::CutOff,
        };
        Err(TarError { at: self.taken, problem })
    }

    fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, Problem> {
        match self.state {
            State::Header | State::Zeros | State::Extents | State::Map => match self.block(input) {
                Some(block) => self.take_block(&block),
                None => Ok(Step::More),
            },
            State::Collecting(what) => self.collect(what, input),
            State::Data => Ok(self.data(input)),
            State::Skipping => Ok(self.skip(input)),
            State::Ended => {
                self.take(input, usize::MAX);
                Ok(Step::More)
            }
            State::Stopped => Err(Problem::Stopped),
        }
    }

    /// Takes at most `most` bytes off the input.
    fn take<'a>(&mut self, input: &mut &'a [u8], most: usize) -> &'a [u8] {
        let (taken, rest) = input.split_at(most.min(input.len()));
        *input = rest;
        self.taken += taken.len() as u64;
        taken
    }

    /// As [`Self::take`], of the stored bytes of the member.
    fn take_stored<'a>(&mut self, input: &mut &'a [u8], most: u64) -> &'a [u8] {
        let most = usize::try_from(most.min(self.left)).unwrap_or(usize::MAX);
        let taken = self.take(input, most);
        self.left -= taken.len() as u64;
        taken
    }

    /// A block of 512 bytes, once it is all there.
    fn block(&mut self, input: &mut &[u8]) -> Option<[u8; BLOCK]> {
        if self.collected.is_empty() {
            self.began = self.taken;
            if let Some(block) = input.first_chunk::<BLOCK>() {
                self.take(input, BLOCK);
                return Some(*block);
            }
        }
        let piece = self.take(input, BLOCK - self.collected.len());
        self.collected.extend_from_slice(piece);
        let block = *self.collected.first_chunk::<BLOCK>()?;
        self.collected.clear();
        Some(block)
    }

    fn take_block<'a>(&mut self, block: &[u8; BLOCK]) -> Result<Step<'a>, Problem> {
        match self.state {
            State::Map => self.take_map(block),
            State::Extents => {
                let more = more_gnu_extents(block, &mut self.extents)?;
                self.take_extents(more)
            }
            state if block.iter().all(|&byte| byte == 0) => Ok(self.take_zeros(state)),
            _ => self.take_header(&Header::of(block)?),
        }
    }

    fn take_zeros<'a>(&mut self, state: State) -> Step<'a> {
        if state == State::Zeros {
            self.state = State::Ended;
            return Step::Event(Event::End);
        }
        self.state = State::Zeros;
        Step::On
    }

    fn take_header<'a>(&mut self, header: &Header<'_>) -> Result<Step<'a>, Problem> {
        let letter = header.type_letter();
        self.left = match letter {
            // Whatever the field says: no contents stand behind these.
            b'1'..=b'6' => 0,
            b'x' | b'X' | b'g' | b'L' | b'K' => header.size()?,
            _ => self.ahead.records.size.map_or_else(|| header.size(), Ok)?,
        };
        self.pad = padding(self.left);
        self.state = State::Skipping;
        match letter {
            b'x' | b'X' => self.begin_ahead(Collected::Records, self.limits.extended)?,
            b'L' => self.begin_ahead(Collected::Name, self.limits.name)?,
            b'K' => self.begin_ahead(Collected::Link, self.limits.name)?,
            // Records for the whole archive, the name of a volume, old long names, ACLs of Solaris.
            b'g' | b'V' | b'N' | b'A' => {}
            b'M' => return Err(Problem::Continuation),
            _ => return self.take_member(header),
        }
        Ok(Step::On)
    }

    fn begin_ahead(&mut self, what: Collected, most: usize) -> Result<(), Problem> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX);
        // A zero byte may end a long name.
        within("an extended header", len, most.saturating_add(1))?;
        self.ahead.len = self.ahead.len.saturating_add(len);
        within("the extended headers of a member", self.ahead.len, self.limits.extended)?;
        self.state = State::Collecting(what);
        Ok(())
    }

    fn collect<'a>(&mut self, what: Collected, input: &mut &[u8]) -> Result<Step<'a>, Problem> {
        let piece = self.take_stored(input, u64::MAX);
        self.collected.extend_from_slice(piece);
        if self.left > 0 {
            return Ok(Step::More);
        }
        self.state = State::Skipping;
        let name = |bytes: &[u8]| bytes.split(|&byte| byte == 0).next().map(<[u8]>::to_vec);
        match what {
            Collected::Records => self.ahead.records.add(&self.collected, &self.limits)?,
            Collected::Name => self.ahead.name = name(&self.collected),
            Collected::Link => self.ahead.link = name(&self.collected),
            Collected::Listing => {
                let listing = std::mem::take(&mut self.collected);
                let Some(mut entry) = self.waiting.take() else { return Err(Problem::Stopped) };
                entry.dumpdir = (!listing.is_empty()).then_some(listing);
                return Ok(self.begin(entry, Vec::new()));
            }
        }
        self.collected.clear();
        Ok(Step::On)
    }

    fn take_member<'a>(&mut self, header: &Header<'_>) -> Result<Step<'a>, Problem> {
        let Ahead { mut records, name, link, .. } = std::mem::take(&mut self.ahead);
        let name = records.sparse_name.take().or(records.path.take()).or(name);
        let name = name.unwrap_or_else(|| header.name());
        let link = records.link.take().or(link).unwrap_or_else(|| header.link());
        let sparse = records.sparse;
        let real_size = records.real_size;
        let mut entry = match new_entry(header, &records, &name, link)? {
            Ok(entry) => Box::new(entry),
            Err(why) => return Ok(Step::Event(Event::Refused { name, why })),
        };
        fill_in(&mut entry, header, records)?;
        match (&entry.kind, header.type_letter(), sparse) {
            (Kind::File, b'S', _) => {
                entry.size = header.gnu_real_size()?;
                self.waiting = Some(entry);
                self.extents.clear();
                let more = header.gnu_extents(&mut self.extents)?;
                self.take_extents(more)
            }
            (Kind::File, _, Some([1, 0])) => {
                entry.size = real_size.ok_or(Problem::Field("GNU.sparse.realsize"))?;
                self.waiting = Some(entry);
                self.map = MapReader::default();
                self.state = State::Map;
                Ok(Step::On)
            }
            (Kind::File, _, Some(_)) => Err(Problem::OldSparse),
            (Kind::File, ..) => {
                entry.size = self.left;
                let whole = Extent { offset: 0, len: self.left };
                Ok(self.begin(entry, vec![whole]))
            }
            (Kind::Directory, b'D', _) => {
                let len = usize::try_from(self.left).unwrap_or(usize::MAX);
                within("a listing", len, self.limits.extended)?;
                self.waiting = Some(entry);
                self.state = State::Collecting(Collected::Listing);
                Ok(Step::On)
            }
            _ => Ok(self.begin(entry, Vec::new())),
        }
    }

    fn take_map<'a>(&mut self, block: &[u8; BLOCK]) -> Result<Step<'a>, Problem> {
        self.left = self.left.checked_sub(BLOCK as u64).ok_or(Problem::Map(MapError::CutOff))?;
        if !self.map.push(block).map_err(Problem::Map)? {
            return Ok(Step::On);
        }
        let size = self.waiting.as_ref().map_or(0, |entry| entry.size);
        let extents = std::mem::take(&mut self.map).finish(size).map_err(Problem::Map)?;
        self.begin_sparse(extents)
    }

    fn take_extents<'a>(&mut self, more: bool) -> Result<Step<'a>, Problem> {
        if self.extents.len() as u64 > EXTENTS_MOST {
            return Err(Problem::Map(MapError::TooMany(self.extents.len() as u64)));
        }
        if more {
            self.state = State::Extents;
            return Ok(Step::On);
        }
        let size = self.waiting.as_ref().map_or(0, |entry| entry.size);
        let extents = std::mem::take(&mut self.extents);
        self.begin_sparse(check_extents(extents, size).map_err(Problem::Map)?)
    }

    fn begin_sparse<'a>(&mut self, extents: Vec<Extent>) -> Result<Step<'a>, Problem> {
        let Some(mut entry) = self.waiting.take() else { return Err(Problem::Stopped) };
        if stored_len(&extents).is_none_or(|len| len > self.left) {
            return Err(Problem::Map(MapError::CutOff));
        }
        entry.sparse = Some(extents.clone());
        Ok(self.begin(entry, extents))
    }

    /// Begins an entry whose data belong into these extents.
    fn begin<'a>(&mut self, entry: Box<Entry>, mut extents: Vec<Extent>) -> Step<'a> {
        extents.retain(|extent| extent.len > 0);
        extents.reverse();
        let data_len = extents.iter().map(|extent| extent.len).sum();
        self.extents = extents;
        self.gap = 0;
        self.state = State::Data;
        Step::Event(Event::Entry { entry, data_len })
    }

    fn data<'a>(&mut self, input: &mut &'a [u8]) -> Step<'a> {
        if self.gap > 0 {
            let zeros = self.take_stored(input, self.gap as u64).len();
            self.gap -= zeros;
            return if zeros == 0 { Step::More } else { Step::On };
        }
        let Some(Extent { offset: at, len }) = self.extents.pop() else {
            self.state = State::Skipping;
            return Step::Event(Event::EntryEnd);
        };
        let bytes = self.take_stored(input, len);
        let taken = bytes.len() as u64;
        if taken < len {
            self.extents.push(Extent { offset: at + taken, len: len - taken });
        } else if !self.extents.is_empty() {
            self.gap = self.to_next_block();
        }
        if bytes.is_empty() { Step::More } else { Step::Event(Event::Data { at, bytes }) }
    }

    /// How many stored bytes of the member are left in the current block.
    fn to_next_block(&self) -> usize {
        usize::try_from(self.left.wrapping_add(self.pad as u64) % BLOCK as u64).unwrap_or(0)
    }

    fn skip<'a>(&mut self, input: &mut &'a [u8]) -> Step<'a> {
        self.take_stored(input, u64::MAX);
        if self.left == 0 {
            self.pad -= self.take(input, self.pad).len();
            if self.pad == 0 {
                self.state = State::Header;
                return Step::On;
            }
        }
        Step::More
    }
}

/// What became of a step.
enum Step<'a> {
    /// Something that the caller wants to know.
    Event(Event<'a>),
    /// Nothing; go on.
    On,
    /// Too few bytes.
    More,
}

/// The entry that a header announces, with its path and kind; or why it must not be made.
fn new_entry(
    header: &Header<'_>,
    records: &Records,
    name: &[u8],
    link: Vec<u8>,
) -> Result<Result<Entry, BadPath>, Problem> {
    let device = |from_record: Option<u32>, from_header: Result<u32, Problem>| {
        from_record.map_or(from_header, Ok)
    };
    let kind = match header.type_letter() {
        b'1' => match path::tidy(&link) {
            Ok(target) => Kind::HardLink { target },
            Err(why) => return Ok(Err(why)),
        },
        b'2' => Kind::Symlink { target: link },
        b'3' | b'4' => {
            let major = device(records.major, header.major())?;
            let minor = device(records.minor, header.minor())?;
            match header.type_letter() {
                b'3' => Kind::CharDevice { major, minor },
                _ => Kind::BlockDevice { major, minor },
            }
        }
        b'5' | b'D' => Kind::Directory,
        b'6' => Kind::Fifo,
        // Before ustar, a directory was a file whose name ends so.
        b'0' | 0 if name.ends_with(b"/") => Kind::Directory,
        // POSIX: what is not known is a file.
        _ => Kind::File,
    };
    Ok(path::tidy(name).and_then(|path| {
        if path.is_empty() && kind != Kind::Directory {
            return Err(BadPath::Root);
        }
        Ok(Entry::new(path, kind))
    }))
}

/// What is the same for all kinds. Records go before fields.
fn fill_in(entry: &mut Entry, header: &Header<'_>, records: Records) -> Result<(), Problem> {
    entry.mode = header.mode()?;
    entry.uid = records.uid.map_or_else(|| header.uid(), Ok)?;
    entry.gid = records.gid.map_or_else(|| header.gid(), Ok)?;
    entry.user = records.user.unwrap_or_else(|| header.user());
    entry.group = records.group.unwrap_or_else(|| header.group());
    entry.mtime = match records.mtime {
        Some(time) => time,
        None => FileTime { seconds: header.mtime()?, nanos: 0 },
    };
    entry.atime = records.atime;
    entry.ctime = records.ctime;
    entry.xattrs = records.xattrs;
    entry.acl_access = records.acl_access;
    entry.acl_default = records.acl_default;
    entry.dumpdir = records.dumpdir;
    Ok(())
}
