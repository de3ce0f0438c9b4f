//! Big-endian fields, in and out: what every reply and every parameter list is made of.
//!
//! Fields that are not there are zero, as a device takes a short parameter list.

/// The field of `width` bytes at `at`.
pub(crate) fn field(bytes: &[u8], at: usize, width: usize) -> u64 {
    (at..at + width).fold(0, |sum, at| sum << 8 | u64::from(bytes.get(at).copied().unwrap_or(0)))
}

/// A reply while it is being laid out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout(Vec<u8>);

impl Layout {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A number of `width` bytes. One that does not fit is the largest that does.
    pub(crate) fn put(&mut self, width: usize, value: u64) -> &mut Self {
        let width = width.min(8);
        let most = if width == 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        let bytes = value.min(most).to_be_bytes();
        self.0.extend(bytes.iter().skip(8 - width));
        self
    }

    /// One byte.
    pub(crate) fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// As many zeros.
    pub(crate) fn zeros(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    /// Text in a field of `width` bytes, filled up with blanks.
    pub(crate) fn text(&mut self, width: usize, text: &str) -> &mut Self {
        self.0.extend(text.bytes().chain(std::iter::repeat(b' ')).take(width));
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Overwrites the field of `width` bytes at `at`.
    pub(crate) fn set(&mut self, at: usize, width: usize, value: u64) -> &mut Self {
        let mut field = Self::new();
        field.put(width, value);
        for (to, from) in self.0.iter_mut().skip(at).zip(field.0) {
            *to = from;
        }
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Fills the length field of `width` bytes at `at` with how many bytes follow it.
    pub(crate) fn close(mut self, at: usize, width: usize) -> Vec<u8> {
        let rest = self.0.len().saturating_sub(at + width);
        self.set(at, width, rest as u64);
        self.0
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, field};

    #[test]
    fn fields_come_back_and_missing_ones_are_zero() {
        let mut layout = Layout::new();
        layout.put(3, 0x01_0203).put(2, 0xffff_ffff).text(4, "ab").zeros(1);
        let bytes = layout.done();
        assert_eq!(bytes, [1, 2, 3, 0xff, 0xff, b'a', b'b', b' ', b' ', 0]);
        assert_eq!(field(&bytes, 0, 3), 0x01_0203);
        assert_eq!(field(&bytes, 9, 4), 0);
    }

    #[test]
    fn a_length_counts_what_follows_it() {
        let mut layout = Layout::new();
        layout.byte(9).zeros(2).bytes(b"four");
        assert_eq!(layout.close(1, 2), [9, 0, 4, b'f', b'o', b'u', b'r']);
    }
}
