//! The changer: logical unit 0.

use super::ask::Ask;
use super::complaint::{Complaint, Reply};
use super::world::World;

/// What the changer remembers besides what is in which place.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangerUnit {}

/// Carries out a command.
pub(crate) fn execute(_world: &mut World, _ask: &Ask<'_>) -> Reply {
    Err(Complaint::no_such_command().into())
}
