//! What the tests of the decoders share: replies written as hexadecimal text, and the ways to spoil them.

/// The bytes of hexadecimal text; what stands behind a `#` is a remark.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::chars)
        .filter(|character| !character.is_whitespace())
        .map(|digit| digit.to_digit(16).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2), "half a byte is missing");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// `text` in a field of `length` bytes.
pub(crate) fn field(text: &str, length: usize) -> Vec<u8> {
    crate::scsi::bytes::padded(text, length)
}

/// Gives a decoder every beginning of a reply, and the reply with each byte in turn set to 0, 7Fh, 80h and FFh. It
/// only has to come back.
pub(crate) fn spoil(reply: &[u8], decode: impl Fn(&[u8])) {
    for end in 0..=reply.len() {
        decode(&reply[..end]);
    }
    let mut spoilt = reply.to_vec();
    for at in 0..reply.len() {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            spoilt[at] = byte;
            decode(&spoilt);
        }
        spoilt[at] = reply[at];
    }
}
