//! What might have been meant.

/// The candidate that is closest to a word, if it is close: one slip in three characters, none in a word of
/// one or two.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word: String = word.chars().take(64).collect::<String>().to_lowercase();
    let distance = |candidate: &str| {
        strsim::damerau_levenshtein(&plain(&word), &plain(&candidate.to_lowercase()))
    };
    let close = word.chars().count() / 3;
    let best = candidates.iter().map(|c| (distance(c), *c)).min_by_key(|(d, _)| *d)?;
    (best.0 <= close).then_some(best.1)
}

/// Hyphens, underscores and spaces make no difference.
fn plain(word: &str) -> String {
    word.replace(['-', '_', ' '], "")
}

/// `did you mean "x"?` for the closest candidate, else a list of them if it is short.
pub(crate) fn did_you_mean(word: &str, candidates: &[&str]) -> Option<String> {
    match nearest(word, candidates) {
        Some(meant) => Some(format!("did you mean {meant:?}?")),
        None => choices(candidates),
    }
}

/// `use "a", "b" or "c"`, if there are not too many.
pub(crate) fn choices(candidates: &[&str]) -> Option<String> {
    let quoted: Vec<String> = candidates.iter().map(|c| format!("{c:?}")).collect();
    match quoted.as_slice() {
        [] => None,
        [only] => Some(format!("use {only}")),
        [first @ .., last] if first.len() < 9 => {
            Some(format!("use {} or {last}", first.join(", ")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_guesses_are_not_made() {
        let keys = ["dumpcycle", "runtapes", "taper-parallel-write"];
        assert_eq!(nearest("dumpcyle", &keys), Some("dumpcycle"));
        assert_eq!(nearest("Dump_Cycle", &keys), Some("dumpcycle"));
        assert_eq!(nearest("taperparallelwrite", &keys), Some("taper-parallel-write"));
        assert_eq!(nearest("colour", &keys), None);
        assert_eq!(nearest("", &keys), None);
        assert_eq!(nearest("x", &["k", "m"]), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_short_list_is_shown() {
        assert_eq!(choices(&["a", "b", "c"]).unwrap(), "use \"a\", \"b\" or \"c\"");
        assert_eq!(choices(&["a"]).unwrap(), "use \"a\"");
        assert_eq!(choices(&[]), None);
    }
}
