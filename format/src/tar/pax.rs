//! Records of a pax extended header: `length keyword=value\n`, where the length counts itself.

use types::FileTime;

/// A decimal number on the stack.
pub(super) struct Decimal {
    digits: [u8; 20],
    from: usize,
}

impl Decimal {
    pub(super) fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut from = digits.len();
        loop {
            from -= 1;
            digits[from] += (number % 10).to_le_bytes()[0];
            number /= 10;
            if number == 0 {
                return Self { digits, from };
            }
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.from..]
    }
}

/// Appends the record whose keyword, `=` and value are these pieces put together.
pub(super) fn put(pieces: &[&[u8]], out: &mut Vec<u8>) {
    let rest = 2 + pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let mut len = rest + digits(rest);
    if digits(len) > digits(rest) {
        len += 1;
    }
    out.extend_from_slice(Decimal::new(len as u64).as_bytes());
    out.push(b' ');
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    out.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Appends a record with a number.
pub(super) fn put_number(keyword: &[u8], number: u64, out: &mut Vec<u8>) {
    put(&[keyword, b"=", Decimal::new(number).as_bytes()], out);
}

/// Appends a record with a time: decimal seconds, as few digits as say it exactly. GNU tar reads `-1.5` as one
/// second and a half before 1970.
pub(super) fn put_time(keyword: &[u8], time: FileTime, out: &mut Vec<u8>) {
    let before_1970 = time.seconds < 0;
    let (seconds, nanos) = match time.nanos {
        nanos if before_1970 && nanos > 0 => (time.seconds + 1, 1_000_000_000 - nanos),
        nanos => (time.seconds, nanos),
    };
    let sign: &[u8] = if before_1970 { b"-" } else { b"" };
    let seconds = Decimal::new(seconds.unsigned_abs());
    let mut text = *b".000000000";
    let mut rest = nanos;
    for digit in text[1..].iter_mut().rev() {
        *digit += (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    let used = text.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    let fraction = if nanos == 0 { &[] } else { &text[..used] };
    put(&[keyword, b"=", sign, seconds.as_bytes(), fraction], out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_counts_its_own_length() {
        assert_eq!(text(|out| put(&[b"a=", b"b"], out)), "6 a=b\n");
        assert_eq!(text(|out| put(&[b"a=12345"], out)), "11 a=12345\n");
        for len in 1..2000 {
            let record = text(|out| put(&[&vec![b'x'; len]], out));
            let (said, _) = record.split_once(' ').unwrap();
            assert_eq!(said.parse::<usize>().unwrap(), record.len());
        }
    }

    #[test]
    fn numbers_print_as_they_are() {
        for number in [0, 9, 10, 12345, u64::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn times_keep_their_nanoseconds_on_both_sides_of_1970() {
        let cases = [
            (0, 0, "0"),
            (1, 500_000_000, "1.5"),
            (1, 1, "1.000000001"),
            (-1, 0, "-1"),
            (-2, 500_000_000, "-1.5"),
            (-1, 999_999_999, "-0.000000001"),
            (1_795_394_806, 829_751_250, "1795394806.82975125"),
            (i64::MIN, 0, "-9223372036854775808"),
            (i64::MIN, 1, "-9223372036854775807.999999999"),
        ];
        for (seconds, nanos, said) in cases {
            let record = text(|out| put_time(b"mtime", FileTime { seconds, nanos }, out));
            assert_eq!(record.trim_end().split_once('=').unwrap().1, said);
        }
    }
}
