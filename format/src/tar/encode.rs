//! Entries into headers.
//!
//! Everything goes straight into the caller's buffer, without memory of its own: a dump of a million files
//! makes a million headers.

use types::FileTime;

use super::field::{
    CHECKSUM, Field, GID, GROUP, LINK, MAGIC, MAJOR, MINOR, MODE, MTIME, NAME, SIZE, TYPE, UID,
    USER,
};
use super::pax;
use super::{BLOCK, DUMPDIR_LONGEST, padding};
use crate::entry::{Entry, Kind};
use crate::path;

/// The largest number of seven octal digits, for ids and devices.
const SEVEN: u64 = 0o777_7777;
/// The largest number of eleven octal digits, for sizes and times.
const ELEVEN: u64 = 0o777_7777_7777;
/// What the fields for owner and group hold, with a zero byte at the end.
const OWNER: usize = 31;

/// Appends the headers of `entry`: a pax extended header and a ustar header, in whole blocks. `data_len` bytes of
/// data must follow, and then [`padding`]: the size of a file, or the map and the extents of a sparse one;
/// nothing for anything else.
///
/// A dumpdir longer than [`DUMPDIR_LONGEST`] is left out, and so are ACLs among the xattrs, which have their own
/// fields.
pub fn encode_header(entry: &Entry, data_len: u64, out: &mut Vec<u8>) {
    let name = member_name(entry);
    let at = begin(out);
    put_records(entry, name, data_len, out);
    let records = out.len() - at - BLOCK;
    out.resize(out.len() + padding(records as u64), 0);
    let mut header = Ustar::of(&mut out[at..at + BLOCK]);
    header.name(&[b"./PaxHeaders/", path::file_name(&entry.path)]);
    header.octal(MODE, 0o644);
    header.octal(SIZE, records as u64);
    header.finish(b'x');

    let at = begin(out);
    let mut header = Ustar::of(&mut out[at..]);
    header.name(&name);
    header.octal(MODE, u64::from(entry.mode & 0o7777));
    header.octal(UID, u64::from(entry.uid));
    header.octal(GID, u64::from(entry.gid));
    header.octal(SIZE, data_len);
    header.octal(
        MTIME,
        u64::try_from(entry.mtime.seconds).ok().filter(|&s| s <= ELEVEN).unwrap_or(0),
    );
    header.text(USER, &[&entry.user]);
    header.text(GROUP, &[&entry.group]);
    let type_letter = match &entry.kind {
        Kind::File => b'0',
        Kind::HardLink { target } => {
            header.link(&[b"./", target]);
            b'1'
        }
        Kind::Symlink { target } => {
            header.link(&[target]);
            b'2'
        }
        Kind::CharDevice { major, minor } => {
            header.device(*major, *minor);
            b'3'
        }
        Kind::BlockDevice { major, minor } => {
            header.device(*major, *minor);
            b'4'
        }
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
    };
    header.finish(type_letter);
}

/// The name of a member, in pieces.
type Name<'a> = [&'a [u8]; 4];

/// `./path`, `./path/` for a directory, and for a sparse file what GNU tar calls it, so that whoever does not
/// know the format does not take the map for the file.
fn member_name(entry: &Entry) -> Name<'_> {
    match entry.kind {
        Kind::Directory if entry.path.is_empty() => [b"./", b"", b"", b""],
        Kind::Directory => [b"./", &entry.path, b"/", b""],
        Kind::File if entry.sparse.is_some() => {
            let name = path::file_name(&entry.path);
            let dir = &entry.path[..entry.path.len() - name.len()];
            [b"./", dir, b"GNUSparseFile.0/", name]
        }
        _ => [b"./", &entry.path, b"", b""],
    }
}

fn len(pieces: &[&[u8]]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

/// Appends an empty header and says where it is.
fn begin(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.resize(at + BLOCK, 0);
    at
}

fn put_records(entry: &Entry, name: Name<'_>, data_len: u64, out: &mut Vec<u8>) {
    put_names(entry, name, out);
    if data_len > ELEVEN {
        pax::put_number(b"size", data_len, out);
    }
    for (keyword, id) in [(&b"uid"[..], entry.uid), (b"gid", entry.gid)] {
        if u64::from(id) > SEVEN {
            pax::put_number(keyword, u64::from(id), out);
        }
    }
    put_times(entry, out);
    for (keyword, acl) in [
        (&b"SCHILY.acl.access="[..], &entry.acl_access),
        (b"SCHILY.acl.default=", &entry.acl_default),
    ] {
        if let Some(acl) = acl {
            pax::put(&[keyword, acl], out);
        }
    }
    for (name, value) in &entry.xattrs {
        put_xattr(name, value, out);
    }
    if let Some(listing) = entry.dumpdir.as_deref().filter(|l| l.len() <= DUMPDIR_LONGEST) {
        pax::put(&[b"GNU.dumpdir=", listing], out);
    }
    if entry.sparse.is_some() && entry.kind == Kind::File {
        pax::put(&[b"GNU.sparse.major=1"], out);
        pax::put(&[b"GNU.sparse.minor=0"], out);
        pax::put(&[b"GNU.sparse.name=./", &entry.path], out);
        pax::put_number(b"GNU.sparse.realsize", entry.size, out);
    }
}

/// The names that ustar has no room for. Short ones are left to ustar whatever their bytes are: nobody
/// converts those from one character set to another.
fn put_names(entry: &Entry, name: Name<'_>, out: &mut Vec<u8>) {
    let (dots, link): (&[u8], &[u8]) = match &entry.kind {
        Kind::HardLink { target } => (b"./", target),
        Kind::Symlink { target } => (b"", target),
        _ => (b"", b""),
    };
    let long_name = len(&name) > NAME.1;
    let long_link = dots.len() + link.len() > LINK.1;
    let owners = [(&b"uname="[..], &entry.user), (b"gname=", &entry.group)]
        .map(|(keyword, owner)| (keyword, owner, owner.len() > OWNER));
    let foreign = |bytes: &[u8]| std::str::from_utf8(bytes).is_err();
    if (long_name && foreign(&entry.path))
        || (long_link && foreign(link))
        || owners.iter().any(|(_, owner, long)| *long && foreign(owner))
    {
        pax::put(&[b"hdrcharset=BINARY"], out);
    }
    if long_name {
        pax::put(&[b"path=", name[0], name[1], name[2], name[3]], out);
    }
    if long_link {
        pax::put(&[b"linkpath=", dots, link], out);
    }
    for (keyword, owner, long) in owners {
        if long {
            pax::put(&[keyword, owner], out);
        }
    }
}

fn put_times(entry: &Entry, out: &mut Vec<u8>) {
    pax::put_time(b"mtime", entry.mtime, out);
    let put = |keyword: &[u8], time: Option<FileTime>, out: &mut Vec<u8>| {
        if let Some(time) = time {
            pax::put_time(keyword, time, out);
        }
    };
    put(b"atime", entry.atime, out);
    put(b"ctime", entry.ctime, out);
}

/// As GNU tar writes them: `=` and `%` of the name escaped, because the first `=` ends a keyword. SELinux has a
/// record of its own, without the zero byte that the kernel keeps at the end.
fn put_xattr(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    if name.starts_with(b"system.posix_acl_") {
        return;
    }
    if name == b"security.selinux"
        && let Some((0, context)) = value.split_last()
        && !context.contains(&0)
    {
        return pax::put(&[b"RHT.security.selinux=", context], out);
    }
    if !name.iter().any(|byte| b"=%".contains(byte)) {
        return pax::put(&[b"SCHILY.xattr.", name, b"=", value], out);
    }
    let mut escaped = Vec::with_capacity(name.len() + 8);
    for &byte in name {
        match byte {
            b'=' => escaped.extend_from_slice(b"%3D"),
            b'%' => escaped.extend_from_slice(b"%25"),
            _ => escaped.push(byte),
        }
    }
    pax::put(&[b"SCHILY.xattr.", &escaped, b"=", value], out);
}

/// A ustar header being filled in.
struct Ustar<'a>(&'a mut [u8]);

impl<'a> Ustar<'a> {
    /// Of a block of zeros.
    fn of(block: &'a mut [u8]) -> Self {
        let mut header = Self(block);
        for field in [UID, GID, MTIME, MAJOR, MINOR] {
            header.octal(field, 0);
        }
        header.text((MAGIC.0, MAGIC.1 + 1), &[b"ustar\x0000"]);
        header
    }

    /// As much of the name as there is room for; a longer one has its record.
    fn name(&mut self, pieces: &[&[u8]]) {
        self.fill(NAME, pieces);
    }

    fn link(&mut self, pieces: &[&[u8]]) {
        self.fill(LINK, pieces);
    }

    fn device(&mut self, major: u32, minor: u32) {
        self.octal(MAJOR, u64::from(major));
        self.octal(MINOR, u64::from(minor));
    }

    /// With a zero byte at the end.
    fn text(&mut self, (at, len): Field, pieces: &[&[u8]]) {
        self.fill((at, len - 1), pieces);
    }

    fn fill(&mut self, (at, len): Field, pieces: &[&[u8]]) {
        let mut room = &mut self.0[at..at + len];
        for piece in pieces {
            let fits = piece.len().min(room.len());
            let (here, rest) = room.split_at_mut(fits);
            here.copy_from_slice(&piece[..fits]);
            room = rest;
        }
    }

    /// Octal digits and a zero byte. What does not fit is written in base 256, which GNU tar, bsdtar, busybox and
    /// Python read.
    fn octal(&mut self, (at, len): Field, number: u64) {
        let field = &mut self.0[at..at + len];
        let mut rest = number;
        for digit in field[..len - 1].iter_mut().rev() {
            *digit = b'0' + (rest % 8).to_le_bytes()[0];
            rest /= 8;
        }
        if rest > 0 {
            field.fill(0);
            let bytes = number.to_be_bytes();
            let room = len.min(bytes.len());
            field[len - room..].copy_from_slice(&bytes[bytes.len() - room..]);
            field[0] |= 0x80;
        }
    }

    fn finish(mut self, type_letter: u8) {
        self.0[TYPE] = type_letter;
        let (at, len) = CHECKSUM;
        self.0[at..at + len].fill(b' ');
        let sum: u32 = self.0.iter().map(|&byte| u32::from(byte)).sum();
        // Six digits, a zero byte, and one of the spaces stays.
        self.octal((at, len - 1), u64::from(sum));
    }
}
