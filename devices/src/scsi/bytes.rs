//! Big-endian numbers and padded text at fixed places of a reply that may end anywhere.

/// The bytes `at..at + N`, if they are all there.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

pub(crate) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

pub(crate) fn u24_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

pub(crate) fn u48_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(|[a, b, c, d, e, f]| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// A number of any length up to eight bytes, as the parameters of log pages and attributes have them.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    let from = wide.len().checked_sub(bytes.len())?;
    wide.get_mut(from..)?.copy_from_slice(bytes);
    Some(u64::from_be_bytes(wide))
}

/// What is there of `at..at + length`; less if the reply ends before.
pub(crate) fn stretch(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    let from = bytes.get(at..).unwrap_or_default();
    from.get(..length).unwrap_or(from)
}

/// Text that was padded with blanks or zeros. A byte that is not printable becomes `?`: it must not reach a
/// terminal or a log as it is.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let shown: String = stretch(bytes, 0, end)
        .iter()
        .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' })
        .collect();
    shown.trim().to_owned()
}

/// Text, unless it is empty.
pub(crate) fn text_if_any(bytes: &[u8]) -> Option<String> {
    Some(text(bytes)).filter(|text| !text.is_empty())
}

/// `text` in exactly `length` bytes: padded with blanks, or cut.
pub(crate) fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = text.bytes().take(length).collect();
    bytes.resize(length, b' ');
    bytes
}

#[cfg(test)]
mod tests {
    use super::{number, padded, stretch, text, u16_at, u24_at, u48_at};

    #[test]
    fn numbers_are_there_or_not_but_never_out_of_bounds() {
        let bytes = [1, 2, 3, 4, 5, 6];
        assert_eq!(u16_at(&bytes, 4), Some(0x0506));
        assert_eq!(u16_at(&bytes, 5), None);
        assert_eq!(u16_at(&bytes, usize::MAX), None);
        assert_eq!(u24_at(&bytes, 1), Some(0x020304));
        assert_eq!(u48_at(&bytes, 0), Some(0x0102_0304_0506));
        assert_eq!(number(&[1, 0]), Some(256));
        assert_eq!(number(&[0; 9]), None);
        assert_eq!(stretch(&bytes, 4, 9), [5, 6]);
        assert_eq!(stretch(&bytes, 7, 1), [0; 0]);
    }

    #[test]
    fn text_is_cut_at_its_padding_and_shows_nothing_that_a_terminal_obeys() {
        assert_eq!(text(b"IBM     "), "IBM");
        assert_eq!(text(b"AB\0garbage"), "AB");
        assert_eq!(text(b"\x1b[2J\xff"), "?[2J?");
        assert_eq!(padded("abc", 5), *b"abc  ");
        assert_eq!(padded("abcdef", 2), *b"ab");
    }
}
