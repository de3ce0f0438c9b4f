//! What devices say of themselves: one decoder for each page and each reply.
//!
//! A decoder takes the bytes that really travelled, and gives a value or says in one sentence what is missing. It
//! believes no length: what a device claims beyond the bytes that are there does not exist, and how many things it
//! may list is limited. A field that a device leaves out is `None`, not zero.

pub mod alert;
pub mod attributes;
pub mod block_limits;
pub mod density;
pub mod designators;
pub mod element_status;
pub mod encryption;
pub mod inquiry;
pub mod log;
pub mod luns;
pub mod media_serial;
pub mod mode;
pub mod opcodes;
pub mod position;
pub mod protection;
pub mod rao;
pub mod reservation;
pub mod timestamp;
pub mod vpd;
pub mod wraps;

#[cfg(test)]
mod recorded;
#[cfg(test)]
pub(crate) mod testing;

/// Which mode or log page, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageCode {
    /// The page, at most 3Fh.
    pub page: u8,
    /// Its subpage; 0 for a page that has none.
    pub subpage: u8,
}

impl PageCode {
    /// A page without subpages.
    pub const fn page(page: u8) -> Self {
        Self::sub(page, 0)
    }

    /// A subpage.
    pub const fn sub(page: u8, subpage: u8) -> Self {
        Self { page, subpage }
    }

    pub(crate) fn low_6_bits(self) -> u8 {
        self.page & 0x3f
    }
}

/// `10h`, `10h/01h`: as the books write it.
impl std::fmt::Display for PageCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x}h", self.page)?;
        match self.subpage {
            0 => Ok(()),
            subpage => write!(f, "/{subpage:02x}h"),
        }
    }
}

/// A reply that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// It ends too early.
    #[error("the reply to {what} ends after {got} bytes, and at least {needed} are needed")]
    Short {
        /// To what.
        what: &'static str,
        /// How many bytes are needed.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// It is about something else: some devices answer a page they do not know with another.
    #[error("the device was asked for {what}, and answered with page {got}")]
    OtherPage {
        /// For what.
        what: &'static str,
        /// Which came.
        got: PageCode,
    },
    /// It says something that cannot be.
    #[error("the reply to {what} is wrong: {why}")]
    Wrong {
        /// To what.
        what: &'static str,
        /// Why.
        why: &'static str,
    },
}

/// The reply, if it has at least `needed` bytes.
pub(crate) fn at_least<'a>(
    what: &'static str,
    bytes: &'a [u8],
    needed: usize,
) -> Result<&'a [u8], BadReply> {
    if bytes.len() < needed {
        return Err(BadReply::Short { what, needed, got: bytes.len() });
    }
    Ok(bytes)
}
