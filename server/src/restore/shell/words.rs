//! The words of a line, and how a name is written so that it comes out of a line again.
//!
//! Words are parted by blanks. A backslash takes the meaning of the sign behind it: `\ ` is a blank within a
//! word, `\*` a star. `\n`, `\t`, `\r` and `\xHH` are the bytes they stand for. In double quotes blanks and
//! stars have no meaning. So every sequence of bytes can be written, and [`quoted`] writes it.

use crate::print;

/// A byte of a word, and whether it may be more than itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Written as it is: a star is a star of a glob.
    Plain(u8),
    /// Written with a backslash or in quotes: it stands for itself.
    Literal(u8),
}

impl Sign {
    /// The byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Plain(byte) | Self::Literal(byte) => byte,
        }
    }
}

/// A word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word(pub Vec<Sign>);

impl Word {
    /// What it says, as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|sign| sign.byte()).collect()
    }

    /// What it says, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// True if it begins with a slash.
    pub fn is_absolute(&self) -> bool {
        self.0.first().is_some_and(|sign| sign.byte() == b'/')
    }

    /// The names between its slashes.
    pub fn names(&self) -> impl Iterator<Item = &[Sign]> {
        self.0.split(|sign| sign.byte() == b'/').filter(|name| !name.is_empty())
    }
}

/// Why a line has no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// It ends in the middle of a quotation.
    #[error("the quotation has no end: a `\"` is missing")]
    OpenQuote,
    /// It ends behind a backslash.
    #[error("the line ends behind a backslash; write `\\\\` for the sign itself")]
    OpenEscape,
    /// `\x` without two digits.
    #[error("`\\x` wants two hexadecimal digits")]
    NoDigits,
}

/// The last word of a line that is still being written, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The words before it.
    pub before: Vec<Word>,
    /// What there is of it.
    pub word: Word,
    /// The byte of the line that it begins at.
    pub start: usize,
}

/// The words of a line.
pub fn split(line: &[u8]) -> Result<Vec<Word>, BadLine> {
    let mut lexer = Lexer::new(line);
    let mut words = Vec::new();
    while let Some((_, word)) = lexer.word() {
        if let Some(trouble) = lexer.trouble {
            return Err(trouble);
        }
        words.push(word);
    }
    Ok(words)
}

/// The words of the beginning of a line; the last may be empty, or without its end.
pub fn unfinished(line: &[u8]) -> Unfinished {
    let mut lexer = Lexer::new(line);
    let mut words = Vec::new();
    while let Some((start, word)) = lexer.word() {
        if lexer.rest.is_empty() {
            return Unfinished { before: words, word, start };
        }
        words.push(word);
    }
    Unfinished { before: words, word: Word::default(), start: line.len() }
}

/// The words of a line of regular expressions: backslashes stay, for the expression's own use. Double quotes
/// hold blanks together.
pub fn split_raw(line: &[u8]) -> Result<Vec<String>, BadLine> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    let mut signs = line.iter().copied();
    while let Some(byte) = signs.next() {
        match byte {
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            b'\\' => {
                let next = signs.next().ok_or(BadLine::OpenEscape)?;
                word.get_or_insert_default().extend([b'\\', next]);
            }
            _ if is_blank(byte) && !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    if quoted {
        return Err(BadLine::OpenQuote);
    }
    words.extend(word);
    Ok(words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

/// A name as it can be typed: on one line, and each sign standing for itself.
pub fn quoted(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in print::path(name).chars().enumerate() {
        if " \"*?[]".contains(c) || (c == '#' && at == 0) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Lexer<'a> {
    rest: &'a [u8],
    length: usize,
    trouble: Option<BadLine>,
}

impl<'a> Lexer<'a> {
    fn new(line: &'a [u8]) -> Self {
        Self { rest: line, length: line.len(), trouble: None }
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// The next word, and where it begins. What is wrong with it is left in `trouble`.
    fn word(&mut self) -> Option<(usize, Word)> {
        while self.rest.first().is_some_and(|byte| is_blank(*byte)) {
            self.rest = &self.rest[1..];
        }
        let start = self.length - self.rest.len();
        let mut word = Word::default();
        let mut quoted = false;
        if self.rest.is_empty() {
            return None;
        }
        while let Some(&byte) = self.rest.first() {
            if is_blank(byte) && !quoted {
                return Some((start, word));
            }
            self.rest = &self.rest[1..];
            match byte {
                b'"' => quoted = !quoted,
                b'\\' => word.0.extend(self.escape().map(Sign::Literal)),
                _ if quoted => word.0.push(Sign::Literal(byte)),
                _ => word.0.push(Sign::Plain(byte)),
            }
        }
        if quoted {
            self.trouble = Some(BadLine::OpenQuote);
        }
        Some((start, word))
    }

    /// What a backslash and the signs behind it stand for.
    fn escape(&mut self) -> Option<u8> {
        match self.next() {
            Some(b'n') => Some(b'\n'),
            Some(b't') => Some(b'\t'),
            Some(b'r') => Some(b'\r'),
            Some(b'x') => {
                let digits = self.rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                let hexadecimal = |two: &&str| two.bytes().all(|b| b.is_ascii_hexdigit());
                let byte =
                    digits.filter(hexadecimal).and_then(|two| u8::from_str_radix(two, 16).ok());
                match byte {
                    Some(_) => self.rest = &self.rest[2..],
                    None => self.trouble = Some(BadLine::NoDigits),
                }
                byte
            }
            Some(byte) => Some(byte),
            None => {
                self.trouble = Some(BadLine::OpenEscape);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line.as_bytes()).unwrap().iter().map(Word::text).collect()
    }

    #[test]
    fn quotes_and_backslashes_hold_words_together() {
        assert_eq!(texts(r#"add a\ b "c d"e  f"#), ["add", "a b", "c de", "f"]);
        assert_eq!(texts(r#"x\n\t\x41 "" "\"""#), ["x\n\tA", "", "\""]);
        assert_eq!(texts("it's  \t"), ["it's"]);
    }

    #[test]
    fn only_what_is_plain_can_be_a_glob() {
        use Sign::{Literal, Plain};
        let words = split(br#"*\*"*""#).unwrap();
        assert_eq!(words, [Word(vec![Plain(b'*'), Literal(b'*'), Literal(b'*')])]);
    }

    #[test]
    fn a_line_that_does_not_end_says_so() {
        assert_eq!(split(b"\"a"), Err(BadLine::OpenQuote));
        assert_eq!(split(b"a\\"), Err(BadLine::OpenEscape));
        assert_eq!(split(b"\\x4g b"), Err(BadLine::NoDigits));
        assert_eq!(split(b"\\x4"), Err(BadLine::NoDigits));
    }

    #[test]
    fn regular_expressions_keep_their_backslashes() {
        let words = split_raw(br#".*\.c "a b" x\ y"#).unwrap();
        assert_eq!(words, [r".*\.c", "a b", r"x\ y"]);
    }

    #[test]
    fn what_is_being_written_is_the_last_word() {
        let at = |line: &str| {
            let unfinished = unfinished(line.as_bytes());
            (unfinished.before.len(), unfinished.word.text(), unfinished.start)
        };
        assert_eq!(at("cd "), (1, String::new(), 3));
        assert_eq!(at("cd a\\ b"), (1, "a b".to_owned(), 3));
        assert_eq!(at("cd \"a b"), (1, "a b".to_owned(), 3));
        assert_eq!(at(""), (0, String::new(), 0));
    }

    proptest! {
        #[test]
        fn every_name_can_be_typed(name in proptest::collection::vec(1u8.., 1..40)) {
            let words = split(quoted(&name).as_bytes()).unwrap();
            prop_assert_eq!(words.len(), 1);
            prop_assert_eq!(words[0].bytes(), name);
        }

        #[test]
        fn no_line_is_too_strange(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            drop(split(&line));
            drop(split_raw(&line));
            prop_assert!(unfinished(&line).start <= line.len());
        }
    }
}
