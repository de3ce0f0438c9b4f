//! Keys and values, as log-in and text requests carry them (RFC 7143, 6.1): `key=value`, each ended by a NUL.

/// The most text one exchange may have, over all its PDUs.
pub const LONGEST: usize = 64 << 10;

/// The most pairs one exchange may have.
const MOST: usize = 256;

/// The longest name of a key (RFC 7143, 6.1).
const LONGEST_KEY: usize = 63;

/// Text that is not made of keys and values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Something without a `=`, or not text at all.
    #[error("{0:?} is not a key with a value")]
    NotAPair(String),
    /// Too much of it.
    #[error("more than {MOST} keys, or more than {LONGEST} bytes")]
    TooMuch,
}

/// A key and its value.
pub type Pair = (String, String);

/// All pairs, in their order.
pub fn pairs(text: &[u8]) -> Result<Vec<Pair>, TextError> {
    if text.len() > LONGEST {
        return Err(TextError::TooMuch);
    }
    let pairs: Vec<Pair> = text
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .take(MOST + 1)
        .map(pair)
        .collect::<Result<_, _>>()?;
    if pairs.len() > MOST { Err(TextError::TooMuch) } else { Ok(pairs) }
}

fn pair(part: &[u8]) -> Result<Pair, TextError> {
    let wrong = || TextError::NotAPair(String::from_utf8_lossy(part).chars().take(80).collect());
    let text = std::str::from_utf8(part).map_err(|_| wrong())?;
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(wrong());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// The pairs as text.
pub fn encode(pairs: &[Pair]) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in pairs {
        text.extend_from_slice(key.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value.as_bytes());
        text.push(0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_as_they_went() {
        let some = vec![("A".to_owned(), "1,2".to_owned()), ("B".to_owned(), "x=y".to_owned())];
        assert_eq!(pairs(&encode(&some)), Ok(some));
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for bad in [&b"NoValue\0"[..], b"=x\0", b"\xff\xfe=1\0"] {
            assert!(matches!(pairs(bad), Err(TextError::NotAPair(_))), "{bad:?}");
        }
        assert_eq!(pairs(&b"a=b\0".repeat(300)), Err(TextError::TooMuch));
        assert_eq!(pairs(&vec![b'a'; LONGEST + 1]), Err(TextError::TooMuch));
    }

    #[test]
    fn empty_text_is_no_pairs() {
        assert_eq!(pairs(b""), Ok(Vec::new()));
        assert_eq!(pairs(b"\0\0\0"), Ok(Vec::new()));
    }
}
