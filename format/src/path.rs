//! Paths, as every format of this crate writes them.
//!
//! A path is bytes, relative to the root of the DLE, without a leading `./` and without a trailing `/`. The
//! root itself is the empty path. Paths are ordered as the walk meets them: depth first, the names of one
//! directory bytewise, a directory before what it holds. That is the order of their bytes, with `/` counted
//! as zero; names hold no zero byte, so nothing else can stand between a directory and its contents.

use std::cmp::Ordering;

/// The longest path that is written or read, in bytes. Linux stops at 4096 for one system call.
pub const LONGEST: usize = 64 << 10;

/// Why some bytes are no path inside a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It begins with `/`.
    #[error("the path is absolute")]
    Absolute,
    /// It could lead out of the tree.
    #[error("the path has a \"..\" in it")]
    Parent,
    /// `a//b`, `a/./b` or a `/` at the end.
    #[error("the path has an empty component or a \".\" in it")]
    Untidy,
    /// No file system has such a name.
    #[error("the path has a zero byte in it")]
    Nul,
    /// Something that is not a directory claims to be the root.
    #[error("the path is that of the root, which is a directory")]
    Root,
    /// More than [`LONGEST`].
    #[error("the path is {0} bytes long, and {LONGEST} are allowed")]
    TooLong(usize),
}

/// Which of two paths the walk meets first.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(x, y)| x != y) {
        Some((&x, &y)) => rank(x).cmp(&rank(y)),
        None => a.len().cmp(&b.len()),
    }
}

fn rank(byte: u8) -> u8 {
    if byte == b'/' { 0 } else { byte }
}

/// The directory that holds `path`; nothing holds the root.
pub fn parent(path: &[u8]) -> Option<&[u8]> {
    if path.is_empty() {
        return None;
    }
    Some(path.iter().rposition(|&byte| byte == b'/').map_or(b"", |slash| &path[..slash]))
}

/// The last component; that of the root is empty.
pub fn file_name(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => &path[slash + 1..],
        None => path,
    }
}

/// Whether `path` lies somewhere inside the directory `dir`. Nothing lies inside itself.
pub fn is_below(path: &[u8], dir: &[u8]) -> bool {
    if dir.is_empty() {
        return !path.is_empty();
    }
    path.len() > dir.len() && path[dir.len()] == b'/' && path.starts_with(dir)
}

/// The path of `name` in the directory `dir`.
pub fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(dir.len() + 1 + name.len());
    path.extend_from_slice(dir);
    if !dir.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Makes sure that `path` is one that this program writes: inside the tree, and tidy. The root is one too.
pub fn validate_relative(path: &[u8]) -> Result<(), BadPath> {
    if path.len() > LONGEST {
        return Err(BadPath::TooLong(path.len()));
    }
    if path.starts_with(b"/") {
        return Err(BadPath::Absolute);
    }
    if path.contains(&0) {
        return Err(BadPath::Nul);
    }
    if path.is_empty() {
        return Ok(());
    }
    path.split(|&byte| byte == b'/').try_for_each(|component| match component {
        b".." => Err(BadPath::Parent),
        b"" | b"." => Err(BadPath::Untidy),
        _ => Ok(()),
    })
}

/// The path that another program's spelling means: `./a//b/` is `a/b`. What leads out of the tree is
/// refused, never bent.
pub fn tidy(spelling: &[u8]) -> Result<Vec<u8>, BadPath> {
    if spelling.starts_with(b"/") {
        return Err(BadPath::Absolute);
    }
    let mut path = Vec::with_capacity(spelling.len());
    for component in spelling.split(|&byte| byte == b'/') {
        if component.is_empty() || component == b"." {
            continue;
        }
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(component);
    }
    validate_relative(&path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_directory_stands_right_before_what_it_holds() {
        let walk: [&[u8]; 8] = [b"", b"a", b"a/b", b"a/b/c", b"a/b!", b"a!", b"a.txt", b"b"];
        for pair in walk.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare(b"a/b", b"a/b"), Ordering::Equal);
    }

    #[test]
    fn parents_and_names_take_a_path_apart() {
        assert_eq!(parent(b""), None);
        assert_eq!(parent(b"a"), Some(&b""[..]));
        assert_eq!(parent(b"a/b/c"), Some(&b"a/b"[..]));
        assert_eq!(file_name(b"a/b/c"), b"c");
        assert_eq!(file_name(b""), b"");
        assert_eq!(join(b"", b"a"), b"a");
        assert_eq!(join(b"a/b", b"c"), b"a/b/c");
    }

    #[test]
    fn below_means_inside_and_not_merely_alike() {
        assert!(is_below(b"a/b", b"a"));
        assert!(is_below(b"a", b""));
        for (path, dir) in [(&b"ab"[..], &b"a"[..]), (b"a", b"a"), (b"", b""), (b"a", b"a/b")] {
            assert!(!is_below(path, dir), "{path:?} {dir:?}");
        }
    }

    #[test]
    fn only_tidy_paths_inside_the_tree_are_valid() {
        for good in ["", "a", "a/b", "...", "..a/.b", "a b\nc", "\u{e9}"] {
            assert_eq!(validate_relative(good.as_bytes()), Ok(()), "{good}");
        }
        let cases = [
            ("/", BadPath::Absolute),
            ("/etc/passwd", BadPath::Absolute),
            ("..", BadPath::Parent),
            ("a/../b", BadPath::Parent),
            ("a/..", BadPath::Parent),
            ("a/", BadPath::Untidy),
            ("a//b", BadPath::Untidy),
            (".", BadPath::Untidy),
            ("a/./b", BadPath::Untidy),
            ("a\0b", BadPath::Nul),
        ];
        for (bad, why) in cases {
            assert_eq!(validate_relative(bad.as_bytes()), Err(why), "{bad:?}");
        }
        assert_eq!(validate_relative(&vec![b'a'; LONGEST + 1]), Err(BadPath::TooLong(LONGEST + 1)));
    }

    #[test]
    fn other_spellings_are_tidied_and_ways_out_are_refused() {
        for (spelling, path) in
            [("./", ""), (".", ""), ("./a", "a"), ("a/", "a"), ("././a//b/./c/", "a/b/c")]
        {
            assert_eq!(tidy(spelling.as_bytes()).unwrap(), path.as_bytes(), "{spelling}");
        }
        assert_eq!(tidy(b"./../a"), Err(BadPath::Parent));
        assert_eq!(tidy(b"//a"), Err(BadPath::Absolute));
        assert_eq!(tidy(b"./a\0"), Err(BadPath::Nul));
    }

    fn component() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'!'), 1u8..=255], 1..4)
            .prop_map(|bytes| bytes.into_iter().map(|b| if b == b'/' { b'_' } else { b }).collect())
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_lists_of_components(
            a in proptest::collection::vec(component(), 0..4),
            b in proptest::collection::vec(component(), 0..4),
        ) {
            prop_assert_eq!(compare(&a.join(&b'/'), &b.join(&b'/')), a.cmp(&b));
        }

        #[test]
        fn a_tidied_path_is_valid(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(path) = tidy(&bytes) {
                prop_assert_eq!(validate_relative(&path), Ok(()));
                prop_assert_eq!(tidy(&path).unwrap(), path);
            }
        }
    }
}
