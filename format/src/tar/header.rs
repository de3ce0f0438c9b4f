//! One block of 512 bytes, read as a header.
//!
//! What is understood: POSIX ustar, GNU tar's own format, star's, and that of the seventies.

use super::BLOCK;
use super::decode::Problem;
use super::field::{
    CHECKSUM, Field, GID, GNU_EXTENDED, GNU_EXTENTS, GNU_MORE_EXTENDED, GNU_MORE_EXTENTS,
    GNU_REAL_SIZE, GROUP, LINK, MAGIC, MAJOR, MINOR, MODE, MTIME, NAME, PREFIX, SIZE, TYPE, UID,
    USER,
};
use crate::entry::Extent;

/// A header whose checksum is right.
pub(super) struct Header<'a>(&'a [u8; BLOCK]);

impl<'a> Header<'a> {
    pub(super) fn of(block: &'a [u8; BLOCK]) -> Result<Self, Problem> {
        let header = Self(block);
        match header.number(CHECKSUM, "checksum") {
            Ok(said) if said == sum(block, i64::from) => Ok(header),
            // Old programs added up signed bytes.
            Ok(said) if said == sum(block, |byte| i64::from(byte.cast_signed())) => Ok(header),
            _ => Err(Problem::Checksum),
        }
    }

    pub(super) fn type_letter(&self) -> u8 {
        self.0[TYPE]
    }

    /// The name, with the prefix of ustar before it.
    pub(super) fn name(&self) -> Vec<u8> {
        let name = self.text(NAME);
        if self.0[MAGIC.0..][..6] != *b"ustar\0" {
            return name.to_vec();
        }
        // star keeps two times at the end of the prefix, and says so with its name at the end of the block.
        let (at, len) = if self.0[508..] == *b"tar\0" { (PREFIX.0, 131) } else { PREFIX };
        match self.text((at, len)) {
            b"" => name.to_vec(),
            prefix => [prefix, b"/", name].concat(),
        }
    }

    pub(super) fn link(&self) -> Vec<u8> {
        self.text(LINK).to_vec()
    }

    pub(super) fn user(&self) -> Vec<u8> {
        self.owner(USER)
    }

    pub(super) fn group(&self) -> Vec<u8> {
        self.owner(GROUP)
    }

    fn owner(&self, field: Field) -> Vec<u8> {
        if &self.0[MAGIC.0..][..5] == b"ustar" { self.text(field).to_vec() } else { Vec::new() }
    }

    /// Only the bits that are permissions: old programs put the type of the file in, too.
    pub(super) fn mode(&self) -> Result<u32, Problem> {
        let mode = self.number(MODE, "mode")?;
        u32::try_from(mode & 0o7777).map_err(|_| Problem::Field("mode"))
    }

    pub(super) fn uid(&self) -> Result<u32, Problem> {
        self.id(UID, "uid")
    }

    pub(super) fn gid(&self) -> Result<u32, Problem> {
        self.id(GID, "gid")
    }

    pub(super) fn major(&self) -> Result<u32, Problem> {
        self.id(MAJOR, "devmajor")
    }

    pub(super) fn minor(&self) -> Result<u32, Problem> {
        self.id(MINOR, "devminor")
    }

    fn id(&self, field: Field, what: &'static str) -> Result<u32, Problem> {
        u32::try_from(self.number(field, what)?).map_err(|_| Problem::Field(what))
    }

    pub(super) fn size(&self) -> Result<u64, Problem> {
        self.length(SIZE, "size")
    }

    fn length(&self, field: Field, what: &'static str) -> Result<u64, Problem> {
        u64::try_from(self.number(field, what)?).map_err(|_| Problem::Field(what))
    }

    pub(super) fn mtime(&self) -> Result<i64, Problem> {
        self.number(MTIME, "mtime")
    }

    /// In GNU tar's own format: how long a sparse file is.
    pub(super) fn gnu_real_size(&self) -> Result<u64, Problem> {
        self.length(GNU_REAL_SIZE, "realsize")
    }

    /// In GNU tar's own format: the first extents of a sparse file, and whether a block with more follows.
    pub(super) fn gnu_extents(&self, extents: &mut Vec<Extent>) -> Result<bool, Problem> {
        self.take_extents(GNU_EXTENTS, extents)?;
        Ok(self.0[GNU_EXTENDED] != 0)
    }

    fn take_extents(&self, (at, len): Field, extents: &mut Vec<Extent>) -> Result<(), Problem> {
        for at in (at..at + len).step_by(24) {
            // An extent without a length is the last, unless it marks a hole at the end.
            if self.0[at + 12] == 0 {
                break;
            }
            let offset = self.length((at, 12), "offset of an extent")?;
            let len = self.length((at + 12, 12), "length of an extent")?;
            extents.push(Extent { offset, len });
        }
        Ok(())
    }

    /// Up to the first zero byte.
    fn text(&self, (at, len): Field) -> &'a [u8] {
        let field = &self.0[at..at + len];
        field.split(|&byte| byte == 0).next().unwrap_or(field)
    }

    fn number(&self, (at, len): Field, what: &'static str) -> Result<i64, Problem> {
        let field = &self.0[at..at + len];
        let number = if field[0] & 0x80 != 0 { base_256(field) } else { octal(field) };
        number.ok_or(Problem::Field(what))
    }
}

/// The sum of all bytes, with the checksum itself taken for spaces.
fn sum(block: &[u8; BLOCK], value: impl Fn(u8) -> i64) -> i64 {
    let (at, len) = CHECKSUM;
    let add = |bytes: &[u8]| bytes.iter().map(|&byte| value(byte)).sum::<i64>();
    add(block) - add(&block[at..at + len]) + 8 * i64::from(b' ')
}

/// More extents of a sparse file in GNU tar's own format, and whether one more such block follows. The block has
/// no checksum.
pub(super) fn more_gnu_extents(
    block: &[u8; BLOCK],
    extents: &mut Vec<Extent>,
) -> Result<bool, Problem> {
    Header(block).take_extents(GNU_MORE_EXTENTS, extents)?;
    Ok(block[GNU_MORE_EXTENDED] != 0)
}

/// Octal digits, with spaces before and a space or a zero byte behind; nothing at all is zero.
fn octal(field: &[u8]) -> Option<i64> {
    let digits = field.split(|&byte| byte == 0).next().unwrap_or(field).trim_ascii();
    digits.iter().try_fold(0i64, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 7 { None } else { number.checked_mul(8)?.checked_add(i64::from(digit)) }
    })
}

/// Two's complement, the highest byte first, with the highest bit but one for the sign.
fn base_256(field: &[u8]) -> Option<i64> {
    let first = i64::from((field[0] << 1).cast_signed() >> 1);
    field[1..]
        .iter()
        .try_fold(first, |number, &byte| number.checked_mul(256)?.checked_add(i64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_several_spellings() {
        assert_eq!(octal(b"0000644\0"), Some(0o644));
        assert_eq!(octal(b"   644 \0"), Some(0o644));
        assert_eq!(octal(b"77777777"), Some(0o7777_7777));
        assert_eq!(octal(b"\0\0\0\0"), Some(0));
        assert_eq!(octal(b"64x\0"), None);
        assert_eq!(octal(b"-1\0"), None);
        assert_eq!(octal(&[b'7'; 30]), None);
        assert_eq!(base_256(&[0x80, 0, 0, 0, 0, 0, 1, 0]), Some(256));
        assert_eq!(base_256(&[0xff; 12]), Some(-1));
        assert_eq!(base_256(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]), Some(-2));
        assert_eq!(
            base_256(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
            Some(i64::MAX)
        );
        assert_eq!(base_256(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(base_256(&[0xbf; 12]), None);
    }
}
