//! Which entries a person means: paths and globs.
//!
//! A pattern is a path within the DLE, with or without a leading `/` or `./`, or with the DLE's own path in
//! front of it. `*` and `?` stay within a name, `**` goes across names. What lies below a directory that
//! matches, matches too. A pattern that is the very name of an entry is that name, whatever signs are in it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// Patterns, ready to match.
#[derive(Debug)]
pub struct Patterns(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    given: String,
    plain: Vec<u8>,
    glob: Option<GlobMatcher>,
    /// Whether only the last name of a path is looked at.
    anywhere: bool,
}

/// A pattern that is none.
#[derive(Debug, thiserror::Error)]
#[error("{pattern:?} is not a pattern: {why}")]
pub struct BadPattern {
    pattern: String,
    why: String,
}

impl Patterns {
    /// Patterns for the entries of a DLE that lies at `root`.
    pub fn within<'a>(
        patterns: impl IntoIterator<Item = &'a OsStr>,
        root: &[u8],
    ) -> Result<Self, BadPattern> {
        patterns
            .into_iter()
            .map(|text| Pattern::new(text.as_bytes(), root, false))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Patterns of which those without a slash fit the last name of a path, wherever it is.
    pub fn anywhere<'a>(patterns: impl IntoIterator<Item = &'a OsStr>) -> Result<Self, BadPattern> {
        patterns
            .into_iter()
            .map(|text| Pattern::new(text.as_bytes(), b"", true))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// True if nothing was asked for in particular, and so everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an entry is meant: it, or a directory above it, matches. No patterns mean every entry.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(path))
    }

    /// True if every entry is meant.
    pub fn match_everything(&self) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.plain.is_empty())
    }

    /// The first pattern that means this entry, by its number.
    pub fn which(&self, path: &[u8]) -> Option<usize> {
        self.0.iter().position(|pattern| pattern.matches(path))
    }

    /// Where everything that matches lies: the plain paths, none below another. None if it can be anywhere.
    pub fn roots(&self) -> Option<Vec<Vec<u8>>> {
        if self.0.is_empty()
            || self.0.iter().any(|pattern| pattern.anywhere || pattern.glob.is_some())
        {
            return None;
        }
        let mut roots: Vec<Vec<u8>> = self.0.iter().map(|pattern| pattern.plain.clone()).collect();
        roots.sort_by(|a, b| format::path::compare(a, b));
        roots.dedup_by(|below, above| below == above || format::path::is_below(below, above));
        Some(roots)
    }

    /// The patterns as they were given.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pattern| pattern.given.as_str())
    }
}

impl Pattern {
    fn new(text: &[u8], root: &[u8], anywhere: bool) -> Result<Self, BadPattern> {
        let given = String::from_utf8_lossy(text).into_owned();
        let bad = |why: String| BadPattern { pattern: given.clone(), why };
        let plain = relative(text, root);
        if plain.split(|&b| b == b'/').any(|name| name == b"..") {
            return Err(bad("`..` leads out of the DLE".to_owned()));
        }
        let has_signs = plain.iter().any(|b| b"*?[{\\".contains(b));
        let glob = match std::str::from_utf8(&plain) {
            Ok(text) if has_signs => {
                let built =
                    GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
                Some(built.map_err(|error| bad(error.kind().to_string()))?.compile_matcher())
            }
            _ => None,
        };
        let anywhere = anywhere && !plain.contains(&b'/');
        Ok(Self { given, plain, glob, anywhere })
    }

    fn matches(&self, path: &[u8]) -> bool {
        if self.plain.is_empty() {
            return true;
        }
        if self.anywhere {
            let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
            return self.is(name);
        }
        let ends = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        ends.chain([path.len()]).any(|end| self.is(&path[..end]))
    }

    /// Whether this is exactly what the pattern says.
    fn is(&self, path: &[u8]) -> bool {
        path == self.plain
            || self
                .glob
                .as_ref()
                .is_some_and(|glob| glob.is_match(Path::new(OsStr::from_bytes(path))))
    }
}

/// A path as the index has it: below the DLE's root, without `./`, without slashes at the ends.
pub fn relative(text: &[u8], root: &[u8]) -> Vec<u8> {
    let below_root = text
        .strip_prefix(root)
        .filter(|rest| !root.is_empty() && (rest.is_empty() || rest[0] == b'/'));
    let text = below_root.unwrap_or(text);
    let names = text.split(|&b| b == b'/').filter(|name| !name.is_empty() && *name != b".");
    names.collect::<Vec<_>>().join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(pattern: &str) -> Patterns {
        Patterns::within([OsStr::new(pattern)], b"/srv/www").unwrap()
    }

    #[test]
    fn a_path_may_be_written_in_several_ways() {
        for pattern in ["a/b", "/a/b", "./a/b/", "/srv/www/a/b", "a//b", "a/*", "**/b"] {
            assert!(within(pattern).matches(b"a/b"), "{pattern}");
            assert!(within(pattern).matches(b"a/b/c"), "{pattern} and what is below");
            assert!(!within(pattern).matches(b"ab"), "{pattern}");
        }
    }

    #[test]
    fn stars_stay_within_a_name_unless_doubled() {
        assert!(within("*.txt").matches(b"x.txt"));
        assert!(!within("*.txt").matches(b"a/x.txt"));
        assert!(within("**/*.txt").matches(b"a/x.txt"));
    }

    #[test]
    fn a_name_full_of_signs_is_found_by_itself() {
        assert!(within("*?[glob]{a,b}!").matches(b"*?[glob]{a,b}!"));
        assert!(within("names/new\nline").matches(b"names/new\nline"));
    }

    #[test]
    fn the_root_means_everything_and_nothing_leads_out() {
        assert!(within("/srv/www").matches(b"anything"));
        assert!(Patterns::within([OsStr::new("a/../..")], b"").is_err());
    }

    #[test]
    fn plain_paths_are_looked_for_where_they_are() {
        let roots =
            |words: &[&str]| Patterns::within(words.iter().map(OsStr::new), b"").unwrap().roots();
        assert_eq!(roots(&["b", "a/x", "a", "b"]), Some(vec![b"a".to_vec(), b"b".to_vec()]));
        assert_eq!(roots(&["a", "*.c"]), None);
        assert_eq!(roots(&[]), None);
    }

    #[test]
    fn find_looks_at_the_last_name() {
        let patterns = Patterns::anywhere([OsStr::new("*.rs")]).unwrap();
        assert!(patterns.matches(b"src/deep/lib.rs"));
        assert!(!patterns.matches(b"src.rs/x"));
    }
}
