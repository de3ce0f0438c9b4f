//! Numbers of one to ten bytes: seven bits each, the lowest first, the high bit set on all but the last.

/// Appends `number`.
pub(crate) fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Takes a number off the front; none if it is cut off or has more than 64 bits.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    // Most numbers have one byte.
    if let Some((&byte @ ..0x80, rest)) = bytes.split_first() {
        *bytes = rest;
        return Some(u64::from(byte));
    }
    take_long(bytes)
}

/// Passes over so many numbers.
pub(crate) fn skip(count: usize, bytes: &mut &[u8]) -> Option<()> {
    let Some(last) = count.checked_sub(1) else { return Some(()) };
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte < 0x80);
    let (end, _) = ends.nth(last)?;
    *bytes = &bytes[end + 1..];
    Some(())
}

fn take_long(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        let edges = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]);
        for number in edges.chain([u64::MAX]) {
            let mut bytes = Vec::new();
            put(number, &mut bytes);
            for cut in 0..bytes.len() {
                assert_eq!(take(&mut &bytes[..cut]), None);
            }
            bytes.push(7);
            let mut rest = &bytes[..];
            assert_eq!(take(&mut rest), Some(number));
            assert_eq!(rest, [7]);
        }
    }

    #[test]
    fn numbers_are_passed_over() {
        let mut bytes = Vec::new();
        [0, 1 << 40, 127, 128, u64::MAX].into_iter().for_each(|number| put(number, &mut bytes));
        let mut rest = &bytes[..];
        skip(3, &mut rest).unwrap();
        assert_eq!(take(&mut rest), Some(128));
        skip(0, &mut rest).unwrap();
        skip(1, &mut rest).unwrap();
        assert!(rest.is_empty() && skip(1, &mut rest).is_none());
    }

    #[test]
    fn more_than_64_bits_are_no_number() {
        assert_eq!(take(&mut &[0xff; 20][..]), None);
        assert_eq!(take(&mut &[255, 255, 255, 255, 255, 255, 255, 255, 255, 2][..]), None);
    }
}
