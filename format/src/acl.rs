//! Access control lists: the kernel's bytes, and the text that tar keeps.
//!
//! Linux shows an ACL as the extended attribute `system.posix_acl_access` or `…_default`: a version (2) in four
//! bytes, then eight for each entry: tag, permissions, and the number of the user or group, little endian. tar keeps
//! the text form of POSIX.1e in `SCHILY.acl.*`. Numbers are written, not names, so that the owners are the same
//! wherever the archive is unpacked; GNU tar, star and bsdtar read both.
//!
//! ```text
//! user::rwx,user:12345:rw-,group::r-x,mask::rwx,other::r--
//! ```

/// The version of the kernel's form.
const VERSION: u32 = 2;

/// An entry that names nobody.
const NOBODY: u32 = u32::MAX;

/// Entries that are read; an extended attribute of 64 KiB holds less.
const ENTRIES_MOST: usize = 8192;

/// Why something is no ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAcl {
    /// Too short, or not a whole number of entries.
    #[error("{0} bytes are no ACL: 4 are expected, and 8 for each entry")]
    Length(usize),
    /// Another version than 2.
    #[error("the ACL has version {0}, and 2 is expected")]
    Version(u32),
    /// An entry that no ACL has.
    #[error("entry {0} of the ACL is broken")]
    Entry(usize),
    /// It names somebody, and nobody knows the number.
    #[error("entry {0} of the ACL names somebody who is not known here")]
    Unknown(usize),
    /// More than fit into an extended attribute.
    #[error("the ACL has more than {ENTRIES_MOST} entries")]
    TooMany,
}

/// Whom an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    Owner,
    User,
    Group,
    NamedGroup,
    Mask,
    Other,
}

impl Tag {
    /// Number of the kernel, word of the text, whether it names somebody.
    const ALL: [(Self, u16, &'static str, bool); 6] = [
        (Self::Owner, 0x01, "user", false),
        (Self::User, 0x02, "user", true),
        (Self::Group, 0x04, "group", false),
        (Self::NamedGroup, 0x08, "group", true),
        (Self::Mask, 0x10, "mask", false),
        (Self::Other, 0x20, "other", false),
    ];

    fn of_number(number: u16) -> Option<(&'static str, bool)> {
        Self::ALL.iter().find(|row| row.1 == number).map(|row| (row.2, row.3))
    }

    /// Any word may be cut down to its first letter.
    fn of_word(word: &[u8], names: bool) -> Option<(Self, u16)> {
        let fits = |full: &str| full.as_bytes() == word || full.as_bytes()[..1] == *word;
        Self::ALL.iter().find(|row| fits(row.2) && row.3 == names).map(|row| (row.0, row.1))
    }
}

/// The text of an ACL, from the value of the kernel's attribute.
pub fn to_text(xattr: &[u8]) -> Result<Vec<u8>, BadAcl> {
    let Some((version, entries)) = xattr.split_first_chunk::<4>() else {
        return Err(BadAcl::Length(xattr.len()));
    };
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(BadAcl::Version(version));
    }
    let (entries, rest) = entries.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(BadAcl::Length(xattr.len()));
    }
    if entries.len() > ENTRIES_MOST {
        return Err(BadAcl::TooMany);
    }
    let mut text = String::new();
    for (number, entry) in entries.iter().enumerate() {
        put_text(entry, &mut text).ok_or(BadAcl::Entry(number))?;
    }
    Ok(text.into_bytes())
}

fn put_text(entry: &[u8; 8], text: &mut String) -> Option<()> {
    let [t0, t1, p0, p1, i0, i1, i2, i3] = *entry;
    let (word, names) = Tag::of_number(u16::from_le_bytes([t0, t1]))?;
    let permissions = u16::from_le_bytes([p0, p1]);
    if permissions > 7 {
        return None;
    }
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(word);
    text.push(':');
    if names {
        text.push_str(&u32::from_le_bytes([i0, i1, i2, i3]).to_string());
    }
    text.push(':');
    for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
        text.push(if permissions & bit != 0 { letter } else { '-' });
    }
    Some(())
}

/// The value for the kernel's attribute, from text that has numbers for names.
pub fn from_text(text: &[u8]) -> Result<Vec<u8>, BadAcl> {
    from_text_with(text, |_, _| None)
}

/// Whom a name in an ACL is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A user.
    User,
    /// A group.
    Group,
}

/// As [`from_text`], for text that other programs wrote: `number` knows the numbers of names. star adds the
/// number as a fourth field, which is then taken if the name is not known.
pub fn from_text_with(
    text: &[u8],
    mut number: impl FnMut(Named, &[u8]) -> Option<u32>,
) -> Result<Vec<u8>, BadAcl> {
    let mut entries = Vec::new();
    let lines = text.split(|byte| b",\n".contains(byte)).map(<[u8]>::trim_ascii);
    for (at, line) in lines.filter(|line| !line.is_empty()).enumerate() {
        if at == ENTRIES_MOST {
            return Err(BadAcl::TooMany);
        }
        entries.push(take_text(line, at, &mut number)?);
    }
    // The kernel refuses an ACL whose entries are out of order.
    entries.sort_by_key(|entry| (entry.0, entry.3));
    let mut xattr = VERSION.to_le_bytes().to_vec();
    for (_, tag, permissions, id) in entries {
        xattr.extend_from_slice(&tag.to_le_bytes());
        xattr.extend_from_slice(&permissions.to_le_bytes());
        xattr.extend_from_slice(&id.to_le_bytes());
    }
    Ok(xattr)
}

/// Tag, its number, permissions, id.
type AclEntry = (Tag, u16, u16, u32);

fn take_text(
    line: &[u8],
    at: usize,
    number: &mut impl FnMut(Named, &[u8]) -> Option<u32>,
) -> Result<AclEntry, BadAcl> {
    // What follows `#` is a comment, in which getfacl puts effective rights.
    let line = line.split(|&byte| byte == b'#').next().unwrap_or(line).trim_ascii();
    let mut fields = line.split(|&byte| byte == b':');
    let mut next = || fields.next().unwrap_or(b"");
    let (word, name, permissions, spare) = (next(), next(), next(), next());
    // `mask:rwx` and `other:rwx` are allowed to leave out the empty name.
    let (name, permissions) = if permissions.is_empty() && spare.is_empty() {
        (&b""[..], name)
    } else {
        (name, permissions)
    };
    let (tag, tag_number) = Tag::of_word(word, !name.is_empty()).ok_or(BadAcl::Entry(at))?;
    let permissions = take_permissions(permissions).ok_or(BadAcl::Entry(at))?;
    let named = match tag {
        Tag::User => Named::User,
        Tag::NamedGroup => Named::Group,
        _ => return Ok((tag, tag_number, permissions, NOBODY)),
    };
    let id = decimal(name)
        .or_else(|| number(named, name))
        .or_else(|| decimal(spare))
        .ok_or(BadAcl::Unknown(at))?;
    Ok((tag, tag_number, permissions, id))
}

fn decimal(digits: &[u8]) -> Option<u32> {
    u32::try_from(crate::tar::decimal(digits)?).ok().filter(|&id| id != NOBODY)
}

fn take_permissions(letters: &[u8]) -> Option<u16> {
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    letters.iter().try_fold(0, |permissions, letter| {
        let bit = match letter {
            b'r' => 4,
            b'w' => 2,
            b'x' => 1,
            b'-' => return Some(permissions),
            _ => return None,
        };
        (permissions & bit == 0).then_some(permissions | bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "user::rwx,user:12345:rw-,group::r-x,group:0:--x,mask::rwx,other::r--";

    fn xattr() -> Vec<u8> {
        let entries: [(u16, u16, u32); 6] = [
            (0x01, 7, NOBODY),
            (0x02, 6, 12345),
            (0x04, 5, NOBODY),
            (0x08, 1, 0),
            (0x10, 7, NOBODY),
            (0x20, 4, NOBODY),
        ];
        let mut bytes = vec![2, 0, 0, 0];
        for (tag, permissions, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permissions.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn the_kernels_bytes_become_text_and_back() {
        assert_eq!(to_text(&xattr()).unwrap(), TEXT.as_bytes());
        assert_eq!(from_text(TEXT.as_bytes()).unwrap(), xattr());
    }

    #[test]
    fn the_spellings_of_other_programs_are_read() {
        let who = |named, name: &[u8]| match (named, name) {
            (Named::User, b"ann") => Some(12345),
            (Named::Group, b"root") => Some(0),
            _ => None,
        };
        for text in [
            "other::r--,mask::rwx,user:ann:rw-,user::rwx,group:root:--x,group::r-x",
            "user::rwx\nuser:ann:rw-\t#effective:r--\ngroup::r-x\ngroup:root:--x\nmask::rwx\nother::r--\n",
            "u::rwx,u:nobody-knows:rw-:12345,g::rx,g:root:x,m::rwx,o::r",
            "user::rwx,user:12345:rw-,group::r-x,group:0:--x,mask:rwx,other:r--",
        ] {
            assert_eq!(from_text_with(text.as_bytes(), who).unwrap(), xattr(), "{text}");
        }
    }

    #[test]
    fn what_is_no_acl_is_refused() {
        for bad in [
            "user",
            "user:",
            "user::",
            "user::rwxr",
            "user::rr-",
            "nobody::rwx",
            "mask:1:rwx",
            "user::rwx,:",
            "user:4294967295:rwx",
            "user:99999999999:rwx",
        ] {
            assert!(from_text(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(from_text(b"user::rwx,user:ann:rwx"), Err(BadAcl::Unknown(1)));

        assert_eq!(to_text(b""), Err(BadAcl::Length(0)));
        assert_eq!(to_text(&[1, 0, 0, 0]), Err(BadAcl::Version(1)));
        assert_eq!(to_text(&xattr()[..13]), Err(BadAcl::Length(13)));
        let mut bad_tag = xattr();
        bad_tag[4] = 3;
        assert_eq!(to_text(&bad_tag), Err(BadAcl::Entry(0)));
        let mut bad_permissions = xattr();
        bad_permissions[14] = 8;
        assert_eq!(to_text(&bad_permissions), Err(BadAcl::Entry(1)));
        assert_eq!(from_text(&b"u::r,".repeat(9000)), Err(BadAcl::TooMany));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(to_text(&[&[2, 0, 0, 0], &bytes[..]].concat()));
            drop(from_text(&bytes));
        }

        #[test]
        fn arbitrary_words_never_panic(text in "[ugmo:serax0-9,#\n-]{0,60}") {
            if let Ok(xattr) = from_text(text.as_bytes()) {
                let plain = to_text(&xattr).unwrap();
                prop_assert_eq!(from_text(&plain).unwrap(), xattr);
            }
        }
    }
}
