//! The parameters of SET TIMESTAMP: a device's error log then has the time of day (SPC-4, 6.46).

/// The list, for so many milliseconds since 1970. Beyond the year 10889 it is the largest that there is.
pub fn encode(milliseconds: u64) -> [u8; 12] {
    let [_, _, a, b, c, d, e, f] = milliseconds.min((1 << 48) - 1).to_be_bytes();
    [0, 0, 0, 0, a, b, c, d, e, f, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn the_time_has_48_bits() {
        assert_eq!(encode(0x0102_0304_0506), [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0]);
        assert_eq!(encode(u64::MAX)[4..10], [0xff; 6]);
    }
}
