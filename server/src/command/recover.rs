//! `recover`
use super::{Context, Exit};
use crate::cli;

pub(super) fn run(_context: &Context, _arguments: &cli::Recover) -> anyhow::Result<Exit> {
    anyhow::bail!("not yet")
}
