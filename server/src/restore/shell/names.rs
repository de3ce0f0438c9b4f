//! Names that a glob or a regular expression means.
//!
//! Names are bytes, so both become expressions over bytes. A name is looked at whole, as amrecover does it.

use regex::bytes::{Regex, RegexBuilder};

use super::words::Sign;

/// How large an expression may become.
const LARGEST: usize = 1 << 20;

/// A text that is no regular expression.
#[derive(Debug, thiserror::Error)]
pub enum BadExpression {
    /// A name never has a slash.
    #[error(
        "{0:?} has a slash, and an expression names entries of one directory: `cd` there first"
    )]
    Slash(String),
    /// What the parser says.
    #[error("{given:?} is no regular expression")]
    Syntax {
        /// What was given.
        given: String,
        /// What is wrong with it.
        #[source]
        source: Box<regex::Error>,
    },
}

/// What names are compared with.
#[derive(Debug)]
pub struct Names {
    text: Regex,
    /// For names that are not UTF-8, where the expression can be one over bytes.
    bytes: Option<Regex>,
}

impl Names {
    /// A regular expression, which a whole name has to fit.
    pub fn expression(given: &str) -> Result<Self, BadExpression> {
        if given.contains('/') {
            return Err(BadExpression::Slash(given.to_owned()));
        }
        let syntax =
            |source| BadExpression::Syntax { given: given.to_owned(), source: Box::new(source) };
        // By itself first, so that what is wrong is told of what was typed.
        build(given, true).map_err(syntax)?;
        let whole = format!("^(?:{given})$");
        let text = build(&whole, true).map_err(syntax)?;
        Ok(Self { text, bytes: build(&whole, false).ok() })
    }

    /// The glob that a name of a word is, if it has signs of one: `*`, `?`, `[…]`.
    pub fn glob(name: &[Sign]) -> Option<Self> {
        let expression = glob(name)?;
        let build = |unicode| build(&format!("^{expression}$"), unicode).ok();
        Some(Self { text: build(true)?, bytes: build(false) })
    }

    /// Whether this name is meant.
    pub fn fits(&self, name: &[u8]) -> bool {
        let expression = match (&self.bytes, std::str::from_utf8(name)) {
            (Some(bytes), Err(_)) => bytes,
            _ => &self.text,
        };
        expression.is_match(name)
    }
}

fn build(expression: &str, unicode: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression)
        .unicode(unicode)
        .dot_matches_new_line(true)
        .size_limit(LARGEST)
        .build()
}

fn glob(name: &[Sign]) -> Option<String> {
    let mut out = String::new();
    let mut is_glob = false;
    let mut rest = name;
    while let Some((sign, behind)) = rest.split_first() {
        rest = behind;
        match sign {
            Sign::Plain(b'*') => {
                is_glob = true;
                out.push_str(".*");
            }
            Sign::Plain(b'?') => {
                is_glob = true;
                out.push('.');
            }
            Sign::Plain(b'[') => match class(rest) {
                Some((class, behind)) => {
                    is_glob = true;
                    out.push_str(&class);
                    rest = behind;
                }
                None => out.push_str("\\["),
            },
            sign => out.push_str(&itself(sign.byte())),
        }
    }
    is_glob.then_some(out)
}

/// A byte that stands for itself. Bytes beyond ASCII can only be said with Unicode switched off.
fn itself(byte: u8) -> String {
    format!("(?-u:\\x{byte:02x})")
}

/// What is between brackets, of ASCII signs only, and what is behind them.
fn class(rest: &[Sign]) -> Option<(String, &[Sign])> {
    let not = rest.first().is_some_and(|sign| matches!(sign, Sign::Plain(b'!' | b'^')));
    let rest = &rest[usize::from(not)..];
    // A bracket that comes first is one of the class.
    let end = 1 + rest.iter().skip(1).position(|sign| *sign == Sign::Plain(b']'))?;
    let mut out = String::from(if not { "[^" } else { "[" });
    for (at, sign) in rest[..end].iter().enumerate() {
        match sign {
            Sign::Plain(b'-') if at > 0 && at + 1 < end => out.push('-'),
            sign if sign.byte().is_ascii() => out.push_str(&format!("\\x{:02x}", sign.byte())),
            _ => return None,
        }
    }
    out.push(']');
    Some((out, &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::super::words::split;
    use super::*;

    fn glob_of(text: &[u8]) -> Option<Names> {
        Names::glob(&split(text).unwrap()[0].0)
    }

    #[test]
    fn globs_fit_whole_names() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            ("*.c", &["a.c", ".c", "é.c", "a\nb.c"], &["a.cc", "a.h", "axc"]),
            ("?", &["a", "é"], &["", "ab"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "-x"]),
            ("[!a-c]x", &["dx", "éx"], &["ax"]),
            ("[]]*", &["]", "]x"], &["x"]),
            ("é*", &["é", "éa"], &["e"]),
        ];
        for (glob, fit, other) in cases {
            let names = glob_of(glob.as_bytes()).unwrap();
            fit.iter().for_each(|name| assert!(names.fits(name.as_bytes()), "{glob} {name}"));
            other.iter().for_each(|name| assert!(!names.fits(name.as_bytes()), "{glob} {name}"));
        }
    }

    #[test]
    fn a_name_without_signs_is_no_glob() {
        for text in ["abc", "a\\*", "\"*\"", "a[", "{a,b}", "a.c"] {
            assert!(glob_of(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn names_that_are_not_utf_8_fit_too() {
        assert!(glob_of(b"caf*").unwrap().fits(b"caf\xe9"));
        assert!(glob_of(b"*\\xe9").unwrap().fits(b"caf\xe9"));
        assert!(Names::expression("caf.").unwrap().fits(b"caf\xe9"));
        assert!(Names::expression("caf.").unwrap().fits("café".as_bytes()));
    }

    #[test]
    fn an_expression_is_a_whole_name() {
        let names = Names::expression("a|b+").unwrap();
        assert!(names.fits(b"a") && names.fits(b"bb"));
        assert!(!names.fits(b"ab"));
        assert!(Names::expression("a/b").is_err());
        assert!(Names::expression("(").is_err());
        assert!(Names::expression("(a{1000}){1000}{1000}").is_err());
    }
}
