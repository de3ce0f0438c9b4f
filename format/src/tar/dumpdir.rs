//! The listing of a directory, by which GNU tar under `--incremental` removes what is gone.
//!
//! A letter, a name and a zero byte for each thing in the directory, and one more zero byte at the end. The
//! names must be sorted bytewise: GNU tar looks them up by halving, and deletes a live file that it misses.

/// The longest listing that is written. libarchive rejects an archive that has a pax record of more than 1 MiB.
pub const DUMPDIR_LONGEST: usize = 900 << 10;

/// What a listing says about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is in this archive.
    Here,
    /// It has not changed, and is in an earlier one.
    Earlier,
    /// It is a directory.
    Directory,
}

/// A listing in the making.
#[derive(Debug, Default)]
pub struct Dumpdir {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Dumpdir {
    /// The listing of an empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name. It must come bytewise after the last one.
    pub fn push(&mut self, listed: Listed, name: &[u8]) {
        if self.bytes.len() + name.len() + 3 > DUMPDIR_LONGEST {
            self.too_long = true;
            return;
        }
        self.bytes.push(match listed {
            Listed::Here => b'Y',
            Listed::Earlier => b'N',
            Listed::Directory => b'D',
        });
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
    }

    /// The value for [`crate::entry::Entry::dumpdir`]; none if it would be longer than [`DUMPDIR_LONGEST`].
    pub fn finish(mut self) -> Option<Vec<u8>> {
        self.bytes.push(0);
        (!self.too_long).then_some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_letters_and_names() {
        let mut listing = Dumpdir::new();
        listing.push(Listed::Directory, b"a");
        listing.push(Listed::Earlier, b"b c");
        listing.push(Listed::Here, b"d");
        assert_eq!(listing.finish().unwrap(), b"Da\0Nb c\0Yd\0\0");
        assert_eq!(Dumpdir::new().finish().unwrap(), b"\0");
    }

    #[test]
    fn a_listing_too_long_for_other_tools_is_none_at_all() {
        let mut listing = Dumpdir::new();
        let name = [b'n'; 253];
        for _ in 0..DUMPDIR_LONGEST / 255 {
            listing.push(Listed::Here, &name);
        }
        let fits = listing.finish().unwrap();
        assert!(fits.len() <= DUMPDIR_LONGEST);

        let mut listing = Dumpdir { bytes: fits, too_long: false };
        listing.push(Listed::Here, &name);
        assert_eq!(listing.finish(), None);
    }
}
