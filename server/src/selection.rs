//! Which DLEs the words of a command line mean: `HOST [DLE…]`, with Amanda's expressions.

use config::{Config, Dle};

use crate::command::Misuse;

/// The DLEs of the configuration that are meant; all of them without words.
pub(crate) fn of<'a>(config: &'a Config, words: &[String]) -> Result<Vec<&'a Dle>, Misuse> {
    config::select(config, words).map_err(|error| Misuse(error.to_string()))
}
