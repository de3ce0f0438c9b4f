//! What shall go wrong, and when.
//!
//! A plan is a list of rules. A rule waits for a command: the n-th of this operation code on this logical
//! unit, with the tape at this object, with this cartridge, from this virtual minute on. Then it strikes,
//! once or more often. Everything that struck is on record. A plan can be written as JSON:
//!
//! ```json
//! { "rules": [ { "lun": 1, "opcode": "0a", "nth": 5, "act": { "check": { "key": 3, "code": [12, 0] } } },
//!              { "opcode": "a5", "minute": 90, "act": "lie" } ] }
//! ```

use serde::{Deserialize, Serialize};

use super::Lun;
use super::cartridge::Harm;

/// What shall go wrong.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Tried in this order; the first that fits strikes.
    pub rules: Vec<Rule>,
    #[serde(skip)]
    struck: Vec<Struck>,
}

/// When something goes wrong, and what. What is not said fits every command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// On this logical unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lun: Option<u16>,
    /// At commands with this operation code, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opcode: Option<Opcode>,
    /// When the tape stands at this object of its partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<u64>,
    /// While the cartridge with this sticker is in the drive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    /// Not before this minute of the library's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<u64>,
    /// At the n-th command that fits, counted from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u64,
    /// So many commands in a row.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u64,
    /// What happens.
    pub act: Act,
    #[serde(skip)]
    seen: u64,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_one(number: &u64) -> bool {
    *number == 1
}

/// An operation code, two hexadecimal digits in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Opcode(pub u8);

impl TryFrom<String> for Opcode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let code = u8::from_str_radix(&text, 16);
        code.map(Self).map_err(|_| format!("{text:?} is not an operation code such as \"0a\""))
    }
}

impl From<Opcode> for String {
    fn from(opcode: Opcode) -> Self {
        format!("{:02x}", opcode.0)
    }
}

/// What happens to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// It is not carried out, and ends with this sense.
    Check(Sense),
    /// It is carried out, and ends with this sense all the same.
    CheckAfter(Sense),
    /// It is not carried out: something accepted earlier has failed, and what stood in the drive's buffer
    /// behind that is lost.
    Deferred(Sense),
    /// It is not carried out, and answers GOOD.
    Lie,
    /// No answer. The host resets the unit, and the position is lost. Not carried out.
    TimeOut,
    /// The same, but it was carried out before.
    TimeOutAfter,
    /// Another host has reserved it, for as long as this command takes: RESERVATION CONFLICT. Not carried out.
    Reserved,
    /// The device is reset just before.
    Reset,
    /// The whole library loses power just before.
    PowerCut,
    /// It takes so many seconds longer.
    Hang(u64),
    /// The device is gone from now on, until the power comes on again.
    Gone,
    /// One bit of the data is wrong on its way to or from the host: this byte of them.
    FlipOnWire(usize),
    /// One bit of the block is wrong on the tape: this byte of it. The drive does not notice.
    FlipOnTape(usize),
    /// The tape is damaged where it stands.
    Damage(Harm),
    /// Another initiator rewinds just before.
    ForeignRewind,
    /// The drive asks to be cleaned, and works on; at a second time it refuses to.
    Dirt,
    /// A TapeAlert flag, 1 to 64, is raised.
    Alert(u8),
}

/// Sense key, additional sense code and qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sense {
    /// 0 to 15.
    pub key: u8,
    /// Code and qualifier.
    pub code: [u8; 2],
    /// The information field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub information: Option<i64>,
}

/// What struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Which rule, counted from 0.
    pub rule: usize,
    /// Which unit.
    pub lun: Lun,
    /// At which command.
    pub opcode: u8,
    /// Where the tape stood.
    pub object: Option<u64>,
}

/// What there is to know of a command before it is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) lun: Lun,
    pub(crate) opcode: u8,
    pub(crate) object: Option<u64>,
    pub(crate) barcode: Option<&'a str>,
    pub(crate) minute: u64,
}

impl Rule {
    /// This at the next command, whatever it is.
    pub fn new(act: Act) -> Self {
        Self {
            lun: None,
            opcode: None,
            object: None,
            barcode: None,
            minute: None,
            nth: 1,
            times: 1,
            act,
            seen: 0,
        }
    }

    /// Only on this unit.
    pub fn on(self, lun: Lun) -> Self {
        Self { lun: Some(lun.0), ..self }
    }

    /// Only at this operation code.
    pub fn at(self, opcode: u8) -> Self {
        Self { opcode: Some(Opcode(opcode)), ..self }
    }

    /// Only when the tape stands at this object.
    pub fn object(self, object: u64) -> Self {
        Self { object: Some(object), ..self }
    }

    /// At the n-th command that fits.
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    fn fits(&self, now: &Circumstances<'_>) -> bool {
        self.lun.is_none_or(|lun| lun == now.lun.0)
            && self.opcode.is_none_or(|opcode| opcode.0 == now.opcode)
            && self.object.is_none_or(|object| Some(object) == now.object)
            && self.barcode.as_deref().is_none_or(|barcode| Some(barcode) == now.barcode)
            && self.minute.is_none_or(|minute| minute <= now.minute)
    }
}

impl FaultPlan {
    /// A plan of one rule.
    pub fn one(rule: Rule) -> Self {
        Self { rules: vec![rule], struck: Vec::new() }
    }

    /// This at the n-th command of all, counted from 1: for breaking every command in turn. When nothing
    /// [struck](Self::struck) there were fewer commands.
    pub fn nth(nth: u64, act: Act) -> Self {
        Self::one(Rule::new(act).nth(nth))
    }

    /// A plan as it is written down.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What struck so far.
    pub fn struck(&self) -> &[Struck] {
        &self.struck
    }

    /// What happens to this command. Every rule counts it.
    pub(crate) fn strike(&mut self, now: &Circumstances<'_>) -> Option<Act> {
        let mut act = None;
        for (number, rule) in self.rules.iter_mut().enumerate() {
            if !rule.fits(now) {
                continue;
            }
            rule.seen += 1;
            if act.is_none() && rule.seen >= rule.nth && rule.seen - rule.nth < rule.times {
                act = Some((number, rule.act.clone()));
            }
        }
        let (rule, act) = act?;
        let Circumstances { lun, opcode, object, .. } = *now;
        self.struck.push(Struck { rule, lun, opcode, object });
        Some(act)
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Circumstances, FaultPlan, Lun, Rule};

    fn write(minute: u64) -> Circumstances<'static> {
        Circumstances { lun: Lun(1), opcode: 0x0a, object: Some(7), barcode: None, minute }
    }

    #[test]
    fn a_rule_counts_the_commands_that_fit_it() {
        let mut plan = FaultPlan::one(Rule::new(Act::Lie).on(Lun(1)).at(0x0a).nth(2));
        let read = Circumstances { opcode: 0x08, ..write(0) };
        let struck: Vec<_> = [write(0), read, write(0), write(0)]
            .iter()
            .map(|it| plan.strike(it).is_some())
            .collect();
        assert_eq!(struck, [false, false, true, false]);
        assert_eq!(plan.struck().len(), 1);
    }

    #[test]
    fn a_plan_is_read_from_json() {
        let text = r#"{ "rules": [
            { "lun": 1, "opcode": "0a", "nth": 1, "act": { "check": { "key": 3, "code": [12, 0] } } },
            { "minute": 90, "times": 2, "act": "lie" } ] }"#;
        let mut plan = FaultPlan::from_json(text).unwrap();
        assert!(matches!(plan.strike(&write(0)), Some(Act::Check(_))));
        assert_eq!(plan.strike(&write(89)), None);
        assert_eq!(plan.strike(&write(90)), Some(Act::Lie));
        assert_eq!(plan.strike(&write(91)), Some(Act::Lie));
        assert_eq!(plan.strike(&write(92)), None);
        assert!(FaultPlan::from_json(r#"{"rules": [{"act": "lie", "typo": 1}]}"#).is_err());
        let again = FaultPlan::from_json(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(again.rules.len(), 2);
    }
}
