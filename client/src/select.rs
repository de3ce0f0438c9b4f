//! Which entries of a tree belong to its dump.
//!
//! Patterns are written as for Amanda and GNU tar. One that begins with `./` or `/` is anchored: it is compared with the
//! whole path below the root of the DLE. Any other may match from the beginning of any component, so `*.o`
//! and `cache/tmp` mean all of them. One that ends in `/` means directories only. `*`, `?`, `[…]`, `{a,b}` and
//! `\` are special, and in an exclude pattern `*` also matches `/`, as in tar. Names are bytes, and need not be
//! UTF-8.
//!
//! What is excluded is not listed, not read, and if the base had it, it is gone. With include patterns, only
//! what matches one of them, and all below it, belongs to the dump, with the directories on the way.
//!
//! A directory that is excluded by a tag in it (`CACHEDIR.TAG` with its signature, or a file that the DLE names)
//! stays as a directory with its tags alone, as with tar's `--exclude-caches` and `--exclude-tag`.

use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// The name of the file that marks a directory as a cache, <https://bford.info/cachedir/>.
pub(crate) const CACHE_TAG: &[u8] = b"CACHEDIR.TAG";
/// What that file begins with.
pub(crate) const CACHE_SIGNATURE: &[u8; 43] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// A pattern that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the {list} pattern {pattern:?} cannot be understood")]
pub struct BadPattern {
    list: &'static str,
    pattern: String,
    #[source]
    source: globset::Error,
}

/// The rules of a DLE.
#[derive(Debug, Clone)]
pub struct Selection {
    exclude: GlobSet,
    exclude_directories: GlobSet,
    include: Option<Include>,
    tags: Vec<Vec<u8>>,
    cache_tags: bool,
    largest: Option<u64>,
}

#[derive(Debug, Clone)]
struct Include {
    wanted: GlobSet,
    wanted_directories: GlobSet,
    /// Directories in which something wanted may be; all, if `None`.
    on_the_way: Option<GlobSet>,
}

/// What is to be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not part of the dump.
    Leave,
    /// It is, and so is all below it that is not excluded.
    Take,
    /// A directory on the way to something that may be wanted.
    PassThrough,
}

impl Selection {
    /// Everything.
    pub fn all() -> Self {
        Self {
            exclude: GlobSet::empty(),
            exclude_directories: GlobSet::empty(),
            include: None,
            tags: Vec::new(),
            cache_tags: false,
            largest: None,
        }
    }

    /// By include and exclude patterns. No include pattern means everything.
    pub fn new<'a>(
        include: impl IntoIterator<Item = &'a str>,
        exclude: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BadPattern> {
        let mut anything = GlobSetBuilder::new();
        let mut directories = GlobSetBuilder::new();
        for pattern in exclude {
            let parsed = Pattern::parse(pattern);
            let glob = parsed.glob(false).map_err(|source| bad("exclude", pattern, source))?;
            if parsed.directory { &mut directories } else { &mut anything }.add(glob);
        }
        let include: Vec<&str> = include.into_iter().collect();
        Ok(Self {
            exclude: anything.build().map_err(|source| bad("exclude", "all of them", source))?,
            exclude_directories: directories
                .build()
                .map_err(|source| bad("exclude", "all of them", source))?,
            include: if include.is_empty() { None } else { Some(Include::new(&include)?) },
            ..Self::all()
        })
    }

    /// Leaves out what is in directories that hold a file of one of these names.
    #[must_use]
    pub fn without_tagged(self, tags: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { tags: tags.into_iter().collect(), ..self }
    }

    /// Leaves out what is in directories with a valid `CACHEDIR.TAG`, or doesn't.
    #[must_use]
    pub fn without_caches(self, without: bool) -> Self {
        Self { cache_tags: without, ..self }
    }

    /// Leaves out files with more bytes than this.
    #[must_use]
    pub fn up_to(self, largest: Option<u64>) -> Self {
        Self { largest, ..self }
    }

    /// Judges the entry at `path`; `inside` says that a directory above it was wanted.
    pub(crate) fn judge(&self, path: &[u8], is_directory: bool, inside: bool) -> Verdict {
        let nothing_to_match = self.exclude.is_empty() && self.exclude_directories.is_empty();
        if nothing_to_match && (inside || self.include.is_none()) {
            return Verdict::Take;
        }
        let path = Candidate::from_bytes(path);
        if self.exclude.is_match_candidate(&path)
            || is_directory && self.exclude_directories.is_match_candidate(&path)
        {
            return Verdict::Leave;
        }
        match &self.include {
            Some(include) if !inside => include.judge(&path, is_directory),
            _ => Verdict::Take,
        }
    }

    /// True if a file of this size is left out.
    pub(crate) fn is_too_large(&self, size: u64) -> bool {
        self.largest.is_some_and(|largest| size > largest)
    }

    /// True if a file of this name may exclude the directory that it is in.
    pub(crate) fn may_be_tag(&self, name: &[u8]) -> bool {
        self.is_plain_tag(name) || self.is_cache_tag(name)
    }

    /// True if a file of this name excludes its directory whatever is in it.
    pub(crate) fn is_plain_tag(&self, name: &[u8]) -> bool {
        self.tags.iter().any(|tag| tag == name)
    }

    /// True if a file of this name excludes its directory if it begins with the signature.
    pub(crate) fn is_cache_tag(&self, name: &[u8]) -> bool {
        self.cache_tags && name == CACHE_TAG
    }
}

impl Include {
    fn new(patterns: &[&str]) -> Result<Self, BadPattern> {
        let mut wanted = GlobSetBuilder::new();
        let mut wanted_directories = GlobSetBuilder::new();
        let mut on_the_way = Some(GlobSetBuilder::new());
        for &text in patterns {
            let pattern = Pattern::parse(text);
            let whole = pattern.glob(true).map_err(|source| bad("include", text, source))?;
            if pattern.directory { &mut wanted_directories } else { &mut wanted }.add(whole);
            match (pattern.directories_above(), &mut on_the_way) {
                (Some(above), Some(builder)) => {
                    for directory in above {
                        let glob =
                            glob(directory, true).map_err(|source| bad("include", text, source))?;
                        builder.add(glob);
                    }
                }
                _ => on_the_way = None,
            }
        }
        let build = |builder: &GlobSetBuilder| {
            builder.build().map_err(|source| bad("include", "all of them", source))
        };
        Ok(Self {
            wanted: build(&wanted)?,
            wanted_directories: build(&wanted_directories)?,
            on_the_way: on_the_way.as_ref().map(build).transpose()?,
        })
    }

    fn judge(&self, path: &Candidate<'_>, is_directory: bool) -> Verdict {
        if self.wanted.is_match_candidate(path)
            || is_directory && self.wanted_directories.is_match_candidate(path)
        {
            return Verdict::Take;
        }
        let on_the_way =
            self.on_the_way.as_ref().is_none_or(|above| above.is_match_candidate(path));
        if is_directory && on_the_way { Verdict::PassThrough } else { Verdict::Leave }
    }
}

/// A pattern taken apart.
struct Pattern<'a> {
    text: &'a str,
    anchored: bool,
    directory: bool,
}

impl<'a> Pattern<'a> {
    fn parse(pattern: &'a str) -> Self {
        let mut text = pattern;
        let mut anchored = false;
        while let Some(rest) = text.strip_prefix("./").or_else(|| text.strip_prefix('/')) {
            text = rest;
            anchored = true;
        }
        let bare = text.trim_end_matches('/');
        // `./` alone means all there is.
        let all = anchored && bare.is_empty() || pattern == ".";
        Self { text: if all { "**" } else { bare }, anchored, directory: !all && bare != text }
    }

    fn glob(&self, separator_is_special: bool) -> Result<Glob, globset::Error> {
        if self.anchored {
            glob(self.text, separator_is_special)
        } else {
            glob(&format!("**/{}", self.text), separator_is_special)
        }
    }

    /// Globs of the directories that lead to a match, or `None` if any may.
    fn directories_above(&self) -> Option<Vec<&'a str>> {
        let anywhere = !self.anchored || self.text.contains("**") || self.text.contains('{');
        (!anywhere).then(|| self.text.match_indices('/').map(|(at, _)| &self.text[..at]).collect())
    }
}

fn glob(text: &str, separator_is_special: bool) -> Result<Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(separator_is_special).backslash_escape(true).build()
}

fn bad(list: &'static str, pattern: &str, source: globset::Error) -> BadPattern {
    BadPattern { list, pattern: pattern.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(pattern: &str, path: &[u8], is_directory: bool) -> bool {
        let selection = Selection::new([], [pattern]).unwrap();
        selection.judge(path, is_directory, true) == Verdict::Leave
    }

    #[test]
    fn exclude_patterns_mean_what_they_mean_to_tar() {
        let cases: &[(&str, &[u8], bool)] = &[
            ("*.o", b"a.o", true),
            ("*.o", b"src/deep/a.o", true),
            ("*.o", b"a.out", false),
            ("./*.o", b"a.o", true),
            ("./*.o", b"src/a.o", true),
            ("./tmp", b"tmp", true),
            ("./tmp", b"a/tmp", false),
            ("/tmp", b"tmp", true),
            ("tmp", b"a/tmp", true),
            ("tmp", b"a/tmpx", false),
            ("cache/tmp", b"x/cache/tmp", true),
            ("cache/tmp", b"xcache/tmp", false),
            ("*.t?", b"\xff\xfe.t\xfd", true),
            ("new*line", b"new\nline", true),
            ("{a,b}.c", b"b.c", true),
            ("\\*", b"*", true),
            ("\\*", b"x", false),
            ("[a-c]x", b"d/bx", true),
        ];
        for &(pattern, path, expected) in cases {
            assert_eq!(excluded(pattern, path, false), expected, "{pattern} {path:?}");
        }
    }

    #[test]
    fn a_slash_at_the_end_means_directories() {
        assert!(excluded("build/", b"a/build", true));
        assert!(!excluded("build/", b"a/build", false));
    }

    #[test]
    fn includes_take_what_they_name_and_pass_through_what_leads_there() {
        let selection = Selection::new(["./home/*/mail", "./etc"], ["*.tmp"]).unwrap();
        let cases: &[(&[u8], bool, bool, Verdict)] = &[
            (b"etc", true, false, Verdict::Take),
            (b"etc/passwd", false, true, Verdict::Take),
            (b"etc/x.tmp", false, true, Verdict::Leave),
            (b"home", true, false, Verdict::PassThrough),
            (b"home", false, false, Verdict::Leave),
            (b"home/ann", true, false, Verdict::PassThrough),
            (b"home/ann/mail", true, false, Verdict::Take),
            (b"home/ann/other", true, false, Verdict::Leave),
            (b"var", true, false, Verdict::Leave),
        ];
        for &(path, directory, inside, expected) in cases {
            assert_eq!(selection.judge(path, directory, inside), expected, "{path:?}");
        }
    }

    #[test]
    fn an_unanchored_include_looks_everywhere() {
        let selection = Selection::new(["*.txt"], []).unwrap();
        assert_eq!(selection.judge(b"a", true, false), Verdict::PassThrough);
        assert_eq!(selection.judge(b"a/b.txt", false, false), Verdict::Take);
        assert_eq!(selection.judge(b"a/b.bin", false, false), Verdict::Leave);
    }

    #[test]
    fn a_lone_dot_slash_includes_everything() {
        let selection = Selection::new(["./"], []).unwrap();
        assert_eq!(selection.judge(b"a/b", false, false), Verdict::Take);
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        let error = Selection::new([], ["a[b"]).unwrap_err().to_string();
        assert!(error.contains("exclude") && error.contains("a[b"), "{error}");
    }
}
