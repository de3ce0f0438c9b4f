//! What a person does at the library, as a message.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{CartridgeSetup, FaultPlan, Library, Spot, Unable};
use super::place::word;

/// Something to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Errand {
    /// See what is where.
    Look,
    /// Take a cartridge out.
    Take {
        /// From here.
        from: Spot,
        /// So that the library does not notice.
        unnoticed: bool,
    },
    /// Put a cartridge in that lies outside.
    Put {
        /// Its sticker.
        barcode: String,
        /// Here.
        to: Spot,
    },
    /// Put a new cartridge in.
    PutNew {
        /// What it is like.
        cartridge: Box<CartridgeSetup>,
        /// Here.
        to: Spot,
    },
    /// Open or close the door.
    Door {
        /// Which.
        movement: Movement,
    },
    /// Pull the mail slots out, or push them in.
    Mail {
        /// Which.
        movement: Movement,
    },
    /// Flip the tab of a cartridge.
    WriteProtect {
        /// Its sticker.
        barcode: String,
        /// Whether it is protected afterwards.
        protected: bool,
    },
    /// Stick another label on, or take it off.
    Relabel {
        /// The cartridge here.
        place: Spot,
        /// What the sticker says.
        barcode: Option<String>,
    },
    /// Take a place out of order (ASC and ASCQ), or mend it.
    Break {
        /// Which.
        place: Spot,
        /// What its element status says.
        code: Option<[u8; 2]>,
    },
    /// Partition anew, so that addresses move.
    Renumber {
        /// By so many.
        by: u16,
    },
    /// Plan what goes wrong from now on.
    Faults {
        /// The plan.
        plan: FaultPlan,
    },
    /// Switch off and on.
    Power,
}

/// Of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Movement {
    /// Open it.
    Open,
    /// Close it.
    Close,
}

impl Errand {
    /// Does it, and says what there is to say.
    pub fn run(self, library: &Library) -> Result<Value, Unable> {
        let person = library.operator();
        match self {
            Self::Look => return Ok(look(library)),
            Self::Take { from, unnoticed: false } => return person.take(from).map(lies),
            Self::Take { from, unnoticed: true } => return person.take_unnoticed(from).map(lies),
            Self::Put { barcode, to } => person.put(&barcode, to)?,
            Self::PutNew { cartridge, to } => person.put_new(&cartridge, to)?,
            Self::Door { movement: Movement::Open } => person.open_door()?,
            Self::Door { movement: Movement::Close } => person.close_door()?,
            Self::Mail { movement: Movement::Open } => person.open_mail_slots()?,
            Self::Mail { movement: Movement::Close } => person.close_mail_slots()?,
            Self::WriteProtect { barcode, protected } => {
                person.write_protect(&barcode, protected)?
            }
            Self::Relabel { place, barcode } => person.relabel(place, barcode.as_deref())?,
            Self::Break { place, code } => person.break_place(place, code)?,
            Self::Renumber { by } => person.renumber(by)?,
            Self::Faults { plan } => person.plan_faults(plan)?,
            Self::Power => library.power_cycle(),
        }
        Ok(Value::Null)
    }
}

fn lies(place: Spot) -> Value {
    json!({ "place": word(place) })
}

/// What is where, with the faults that struck.
fn look(library: &Library) -> Value {
    let places: Vec<Value> = library
        .operator()
        .look()
        .into_iter()
        .map(|seen| {
            json!({
                "place": word(seen.place),
                "address": seen.address,
                "full": seen.full,
                "barcode": seen.barcode,
                "kind": seen.kind,
                "write-protected": seen.write_protected,
            })
        })
        .collect();
    let struck: Vec<Value> = library
        .struck()
        .into_iter()
        .map(|one| json!({ "rule": one.rule, "lun": one.lun.0, "opcode": format!("{:02x}", one.opcode) }))
        .collect();
    json!({ "places": places, "struck": struck })
}
