//! Unit attentions: what a device has to tell every initiator once, before it does anything else for it.
//!
//! Each nexus has a queue of its own, and one command takes one of them. A nexus that is met for the first
//! time hears that the power came on (SPC-4, 5.14; SAM-5, 5.14).

use std::collections::{BTreeMap, VecDeque};

use super::Nexus;
use super::complaint::{Complaint, key};

/// Additional sense code and qualifier of a unit attention.
pub(crate) type Event = (u8, u8);

pub(crate) const POWER_ON: Event = (0x29, 0x00);
pub(crate) const BUS_RESET: Event = (0x29, 0x02);
pub(crate) const MEDIUM_MAY_HAVE_CHANGED: Event = (0x28, 0x00);
pub(crate) const MODE_PARAMETERS_CHANGED: Event = (0x2a, 0x01);
pub(crate) const LOG_PARAMETERS_CHANGED: Event = (0x2a, 0x02);
pub(crate) const RESERVATIONS_PREEMPTED: Event = (0x2a, 0x03);
pub(crate) const RESERVATIONS_RELEASED: Event = (0x2a, 0x04);
pub(crate) const REGISTRATIONS_PREEMPTED: Event = (0x2a, 0x05);
pub(crate) const ENCRYPTION_CHANGED: Event = (0x2a, 0x11);

/// What each initiator has still to be told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attentions(BTreeMap<Nexus, VecDeque<Event>>);

impl Attentions {
    /// Meets an initiator.
    pub(crate) fn meet(&mut self, nexus: Nexus) {
        self.0.entry(nexus).or_insert_with(|| VecDeque::from([POWER_ON]));
    }

    /// Tells everybody.
    pub(crate) fn raise(&mut self, event: Event) {
        self.0.values_mut().for_each(|queue| tell(queue, event));
    }

    /// Tells everybody but the one who did it.
    pub(crate) fn raise_for_others(&mut self, nexus: Nexus, event: Event) {
        let others = self.0.iter_mut().filter(|(other, _)| **other != nexus);
        others.for_each(|(_, queue)| tell(queue, event));
    }

    /// Tells one.
    pub(crate) fn raise_for(&mut self, nexus: Nexus, event: Event) {
        tell(self.0.entry(nexus).or_default(), event);
    }

    /// A reset makes all older news void.
    pub(crate) fn reset(&mut self, event: Event) {
        self.0.values_mut().for_each(|queue| *queue = VecDeque::from([event]));
    }

    /// The next thing that this initiator has to hear.
    pub(crate) fn take(&mut self, nexus: Nexus) -> Option<Complaint> {
        let (code, qualifier) = self.0.get_mut(&nexus)?.pop_front()?;
        Some(Complaint::new(key::ATTENTION, code, qualifier))
    }
}

fn tell(queue: &mut VecDeque<Event>, event: Event) {
    if !queue.contains(&event) {
        queue.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use super::{Attentions, MEDIUM_MAY_HAVE_CHANGED, POWER_ON};
    use crate::emulator::Nexus;

    #[test]
    fn each_initiator_hears_each_event_once_and_one_at_a_time() {
        let mut attentions = Attentions::default();
        let [one, two] = [Nexus(1), Nexus(2)];
        attentions.meet(one);
        attentions.meet(two);
        attentions.raise(MEDIUM_MAY_HAVE_CHANGED);
        attentions.raise(MEDIUM_MAY_HAVE_CHANGED);
        let mut heard = |nexus| attentions.take(nexus).map(|complaint| complaint.code);
        assert_eq!(heard(one), Some(POWER_ON));
        assert_eq!(heard(one), Some(MEDIUM_MAY_HAVE_CHANGED));
        assert_eq!(heard(one), None);
        assert_eq!(heard(two), Some(POWER_ON));
    }
}
