//! Who may use a device: RESERVE and RELEASE as in SPC-2, persistent reservations as in SPC-4, 5.13.
//!
//! The types that a backup server uses are modelled: write exclusive and exclusive access, for the holder
//! or for all who registered. Persistent reservations outlive a reset, the older ones do not.

use std::collections::BTreeMap;

use super::Nexus;
use super::ask::Ask;
use super::bytes::{Layout, field};
use super::complaint::{Complaint, Outcome, Refusal, Reply, key};
use super::events::{
    Attentions, REGISTRATIONS_PREEMPTED, RESERVATIONS_PREEMPTED, RESERVATIONS_RELEASED,
};

/// Who registered and who holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservations {
    /// By RESERVE(6) or (10).
    simple: Option<Nexus>,
    keys: BTreeMap<Nexus, u64>,
    holder: Option<(Nexus, Type)>,
    generation: u32,
}

/// What a persistent reservation shuts others out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Type(u8);

impl Type {
    fn known(code: u8) -> Option<Self> {
        [1, 3, 5, 6].contains(&code).then_some(Self(code))
    }

    fn lets_registrants_in(self) -> bool {
        self.0 >= 5
    }

    fn lets_readers_in(self) -> bool {
        self.0 == 1 || self.0 == 5
    }
}

/// What may always be asked, whoever holds the device (SPC-4, table 64; SSC-4, table 9).
const FREE_FOR_ALL: [u8; 8] = [0x03, 0x12, 0xa0, 0x17, 0x57, 0x5e, 0x5f, 0x4d];

/// What only looks.
const READING: [u8; 12] = [0x00, 0x05, 0x08, 0x34, 0x44, 0x1a, 0x5a, 0x8c, 0xa3, 0xa2, 0x3c, 0xb8];

impl Reservations {
    /// Whether this command has to wait for somebody else's reservation.
    pub(crate) fn shut_out(&self, nexus: Nexus, opcode: u8) -> bool {
        if FREE_FOR_ALL.contains(&opcode) {
            return false;
        }
        if self.simple.is_some_and(|holder| holder != nexus) {
            return true;
        }
        let Some((holder, kind)) = self.holder else { return false };
        let inside =
            holder == nexus || kind.lets_registrants_in() && self.keys.contains_key(&nexus);
        let only_looks = kind.lets_readers_in() && READING.contains(&opcode);
        !inside && !only_looks
    }

    /// A reset ends simple reservations.
    pub(crate) fn reset(&mut self) {
        self.simple = None;
    }

    /// A power cycle ends them all: nobody asked for them to be kept.
    pub(crate) fn power_on(&mut self) {
        *self = Self::default();
    }

    /// Carries out one of the commands that are about reservations.
    pub(crate) fn execute(&mut self, ask: &Ask<'_>, attentions: &mut Attentions) -> Option<Reply> {
        match ask.opcode() {
            0x16 | 0x56 => Some(self.reserve(ask.nexus)),
            0x17 | 0x57 => {
                self.simple = self.simple.filter(|&holder| holder != ask.nexus);
                Some(Ok(Outcome::done()))
            }
            0x5e => Some(self.tell(ask)),
            0x5f => Some(self.change(ask, attentions)),
            _ => None,
        }
    }

    fn reserve(&mut self, nexus: Nexus) -> Reply {
        if self.holder.is_some_and(|(holder, _)| holder != nexus) {
            return Err(Refusal::Reserved);
        }
        self.simple = Some(nexus);
        Ok(Outcome::done())
    }

    fn tell(&self, ask: &Ask<'_>) -> Reply {
        let mut reply = Layout::new();
        reply.put(4, self.generation.into()).zeros(4);
        match ask.byte(1) & 0x1f {
            0x00 => self.keys.values().for_each(|&key| {
                reply.put(8, key);
            }),
            0x01 => {
                if let Some((holder, kind)) = self.holder {
                    let key = self.keys.get(&holder).copied().unwrap_or(0);
                    reply.put(8, key).zeros(4).byte(0).byte(kind.0).zeros(2);
                }
            }
            0x02 => {
                // Exactly the four types above can be had.
                let capabilities = [0, 8, 0x00, 0x80, 0x6a, 0x00, 0, 0];
                return Ok(Outcome::reply(capabilities.to_vec(), ask.field(7, 2)));
            }
            _ => return Err(Complaint::bad_command(1).into()),
        }
        Ok(Outcome::reply(reply.close(4, 4), ask.field(7, 2)))
    }

    fn change(&mut self, ask: &Ask<'_>, attentions: &mut Attentions) -> Reply {
        let list = ask.list(24)?;
        let (own, other) = (field(list, 0, 8), field(list, 8, 8));
        let registered = self.keys.get(&ask.nexus).copied();
        let action = ask.byte(1) & 0x1f;
        // REGISTER AND IGNORE EXISTING KEY is the only one that does not have to know the key.
        let known = registered == Some(own) || action == 0x06;
        let first = action == 0x00 && registered.is_none() && own == 0;
        if !known && !first {
            return Err(Refusal::Reserved);
        }
        match action {
            0x00 | 0x06 => self.register(ask.nexus, other, attentions),
            0x01 => return self.hold(ask),
            0x02 => self.release(ask, attentions)?,
            0x03 => {
                self.keys.clear();
                self.holder = None;
                attentions.raise_for_others(ask.nexus, RESERVATIONS_PREEMPTED);
            }
            0x04 | 0x05 => self.preempt(ask, other, attentions)?,
            _ => return Err(Complaint::bad_command(1).into()),
        }
        self.generation = self.generation.wrapping_add(u32::from(action != 0x02));
        Ok(Outcome::done())
    }

    fn register(&mut self, nexus: Nexus, key: u64, attentions: &mut Attentions) {
        if key != 0 {
            self.keys.insert(nexus, key);
            return;
        }
        self.keys.remove(&nexus);
        if let Some((holder, kind)) = self.holder
            && holder == nexus
        {
            self.holder = None;
            if kind.lets_registrants_in() {
                let registered = self.keys.keys();
                registered.for_each(|&other| attentions.raise_for(other, RESERVATIONS_RELEASED));
            }
        }
    }

    fn hold(&mut self, ask: &Ask<'_>) -> Reply {
        let Some(kind) = Type::known(ask.byte(2) & 0x0f).filter(|_| ask.byte(2) >> 4 == 0) else {
            return Err(Complaint::bad_command(2).into());
        };
        match self.holder {
            Some(holder) if holder != (ask.nexus, kind) => return Err(Refusal::Reserved),
            _ => self.holder = Some((ask.nexus, kind)),
        }
        Ok(Outcome::done())
    }

    fn release(&mut self, ask: &Ask<'_>, attentions: &mut Attentions) -> Result<(), Complaint> {
        let Some((holder, kind)) = self.holder.filter(|(holder, _)| *holder == ask.nexus) else {
            return Ok(());
        };
        if kind.0 != ask.byte(2) & 0x0f {
            return Err(Complaint::new(key::ILLEGAL, 0x26, 0x04));
        }
        self.holder = None;
        if kind.lets_registrants_in() {
            let others = self.keys.keys().filter(|&&other| other != holder);
            others.for_each(|&other| attentions.raise_for(other, RESERVATIONS_RELEASED));
        }
        Ok(())
    }

    fn preempt(
        &mut self,
        ask: &Ask<'_>,
        victim: u64,
        attentions: &mut Attentions,
    ) -> Result<(), Refusal> {
        let victims: Vec<_> = self
            .keys
            .iter()
            .filter(|&(&nexus, &key)| key == victim && nexus != ask.nexus)
            .map(|(&nexus, _)| nexus)
            .collect();
        let takes_over = self.holder.is_some_and(|(holder, _)| {
            holder == ask.nexus && self.keys.get(&holder) == Some(&victim)
                || victims.contains(&holder)
        });
        if victims.is_empty() && !takes_over {
            return Err(Refusal::Reserved);
        }
        for nexus in victims {
            self.keys.remove(&nexus);
            attentions.raise_for(nexus, REGISTRATIONS_PREEMPTED);
        }
        if takes_over {
            let kind = Type::known(ask.byte(2) & 0x0f).ok_or_else(|| Complaint::bad_command(2))?;
            self.holder = Some((ask.nexus, kind));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Attentions, Reservations};
    use crate::emulator::Nexus;
    use crate::emulator::ask::Ask;
    use crate::emulator::bytes::Layout;
    use crate::emulator::complaint::Refusal;

    const HERE: Nexus = Nexus(1);
    const THERE: Nexus = Nexus(2);

    struct Desk(Reservations, Attentions);

    impl Desk {
        fn out(&mut self, nexus: Nexus, action: u8, kind: u8, own: u64, other: u64) -> bool {
            let mut list = Layout::new();
            list.put(8, own).put(8, other).zeros(8);
            let out = list.done();
            let command = [0x5f, action, kind, 0, 0, 0, 0, 0, 24, 0];
            let ask = Ask { nexus, command: &command, out: &out, room: 0 };
            match self.0.execute(&ask, &mut self.1).unwrap() {
                Ok(_) => true,
                Err(Refusal::Reserved) => false,
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_exclusive_holder_shuts_others_out_until_preempted() {
        let mut desk = Desk(Reservations::default(), Attentions::default());
        desk.1.meet(HERE);
        desk.1.take(HERE);
        assert!(desk.out(HERE, 0, 0, 0, 0xabc) && desk.out(HERE, 1, 3, 0xabc, 0));
        assert!(desk.0.shut_out(THERE, 0x0a) && desk.0.shut_out(THERE, 0x08));
        assert!(!desk.0.shut_out(HERE, 0x0a) && !desk.0.shut_out(THERE, 0x12));
        assert!(!desk.out(THERE, 1, 3, 0xdef, 0), "nobody reserves who has not registered");
        assert!(desk.out(THERE, 6, 0, 0, 0xdef) && !desk.out(THERE, 1, 3, 0xdef, 0));
        assert!(desk.out(THERE, 4, 3, 0xdef, 0xabc));
        assert!(desk.0.shut_out(HERE, 0x0a) && !desk.0.shut_out(THERE, 0x0a));
        assert_eq!(desk.1.take(HERE).unwrap().code, (0x2a, 0x05));
    }

    #[test]
    fn a_reset_ends_only_simple_reservations() {
        let mut desk = Desk(Reservations::default(), Attentions::default());
        let reserve = [0x16, 0, 0, 0, 0, 0];
        let ask = Ask { nexus: HERE, command: &reserve, out: &[], room: 0 };
        assert!(desk.0.execute(&ask, &mut desk.1).unwrap().is_ok());
        assert!(desk.0.shut_out(THERE, 0x00));
        desk.0.reset();
        assert!(!desk.0.shut_out(THERE, 0x00));
    }
}
