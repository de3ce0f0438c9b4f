//! What logs of earlier versions say in words alone.
//!
//! Before causes were written beside them, a DLE that was given up, and a storage that took no more, had only words.
//! These are the words of then, as those logs have them; they do not change when those of today do.

use super::Cause;

/// Why the run itself gave a DLE up.
pub(crate) fn of_dle(why: &str) -> Option<Cause> {
    let space = [
        "holding has no more space, and its dump was the smallest that waited for some",
        "there is no space for it on holding",
    ];
    let volumes = "there is no volume to write to (see what is said of the storage)";
    match () {
        () if space.into_iter().any(|words| why.starts_with(words)) => Some(Cause::Space),
        () if why.starts_with(volumes) => Some(Cause::Volumes),
        () => of_storage(why),
    }
}

/// A drive was said to have failed, and it was the file system under a virtual tape that was full.
pub(crate) fn is_of_a_full_disk(why: &str) -> bool {
    why.contains("is full, although the volume has room for")
}

/// Why a storage took no more.
pub(crate) fn of_storage(why: &str) -> Option<Cause> {
    why.starts_with("runtapes allows").then_some(Cause::Runtapes)
}
