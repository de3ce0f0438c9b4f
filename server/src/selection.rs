//! Which DLEs the words of a command line mean: `HOST [DLE…]`, with Amanda's expressions.

use config::{Config, Dle};
use types::DleRef;

use crate::command::Misuse;

/// The DLEs of the configuration that are meant; all of them without words.
pub(crate) fn of<'a>(config: &'a Config, words: &[String]) -> Result<Vec<&'a Dle>, Misuse> {
    config::select(config, words).map_err(|error| Misuse(error.to_string()))
}

/// Whether a DLE, which may no longer be in the configuration, is meant.
pub(crate) fn named(words: &[String], dle: &DleRef) -> bool {
    let [host, dles @ ..] = words else { return true };
    config::matches_host(host, &dle.host)
        && (dles.is_empty() || dles.iter().any(|word| config::matches_dle(word, &dle.dle)))
}
