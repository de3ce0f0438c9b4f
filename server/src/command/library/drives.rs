//! Which drive sits in which bay, and what proves it.
//!
//! A library that cannot be opened because its drives cannot be told apart says so with everything that was seen.
//! Then a cartridge proves it: it is put into every bay in turn, and one drive after the other has it.

use std::sync::Arc;

use config::Storage;
use devices::robot::matching::{Company, DriveSeen};
use devices::robot::proof::{self, Proved};
use devices::robot::{LostDrive, Robot};
use devices::smc::{Busy, Cell, MediumChanger, Patience};
use devices::ssc::{self, TapeDrive};
use serde_json::json;

use super::{Context, Exit, Misuse, Work, heard};
use crate::library::Parts;
use crate::print;

impl Work<'_> {
    pub(super) fn verify_drives(&mut self) -> anyhow::Result<Exit> {
        let robot = self.place.library.robot()?;
        let matching = robot.matching();
        let strangers: Vec<&DriveSeen> =
            matching.strangers.iter().filter_map(|at| robot.seen().drives.get(*at)).collect();
        if self.context.json {
            let drives = robot.drives().iter().map(|drive| {
                json!({
                    "bay": drive.bay, "drive": drive.name, "node": drive.seen.node,
                    "product": drive.seen.product, "serial": drive.seen.serial,
                    "evidence": drive.evidence.iter().map(|it| it.words()).collect::<Vec<_>>(),
                })
            });
            let missing =
                matching.missing.iter().map(|it| json!({ "drive": it.name, "serial": it.serial }));
            print::json(&json!({
                "drives": drives.collect::<Vec<_>>(),
                "bays_without": matching.empty_bays,
                "lost": robot.lost().iter().map(|lost| {
                    json!({ "drive": lost.name, "bay": lost.bay, "why": lost.why })
                }).collect::<Vec<_>>(),
                "strangers": strangers.iter().map(|drive| &drive.node).collect::<Vec<_>>(),
                "missing": missing.collect::<Vec<_>>(),
            }))?;
        } else {
            print::text(&print::table(&rows(robot), &[]))?;
            for LostDrive { name, bay, why } in robot.lost() {
                let bay = bay.map(|bay| format!("bay {bay}, ")).unwrap_or_default();
                print::line(&format!("{bay}drive {name}: {why}"))?;
            }
            let lost = |bay: &&u16| robot.lost().iter().any(|lost| lost.bay == Some(**bay));
            for bay in matching.empty_bays.iter().filter(|bay| !lost(bay)) {
                print::line(&format!("bay {bay}: no drive that this machine reaches, or may use"))?;
            }
            for drive in &strangers {
                let serial = drive.serial.as_deref().unwrap_or("not told");
                print::line(&format!(
                    "{} ({} {}, serial {serial}): in no bay of this library, or not named in the configuration",
                    drive.node, drive.vendor, drive.product
                ))?;
            }
        }
        // Where there are other libraries, a drive may sit in one of them.
        let homeless = !strangers.is_empty()
            && robot.seen().company == Company::Alone
            && robot.seen().named.is_empty();
        let lacking = !robot.lost().is_empty() || !matching.missing.is_empty();
        Ok(if lacking || homeless { Exit::Complaints } else { Exit::Good })
    }
}

fn rows(robot: &Robot) -> Vec<Vec<String>> {
    let heading = ["BAY", "DRIVE", "NODE", "MODEL", "SERIAL", "PROVED BY"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for drive in robot.drives() {
        let DriveSeen { node, vendor, product, serial, .. } = &drive.seen;
        let evidence: Vec<&str> = drive.evidence.iter().map(|it| it.words()).collect();
        rows.push(vec![
            drive.bay.to_string(),
            drive.name.to_string(),
            node.clone(),
            format!("{vendor} {product}"),
            serial.clone().unwrap_or_default(),
            evidence.join(", "),
        ]);
    }
    rows
}

/// Proves it with the cartridge of a slot.
pub(super) fn by_loading(context: &Context, storage: &Storage, slot: u32) -> anyhow::Result<Exit> {
    let Parts { arm, opener, setup } = Parts::of(storage, heard())?;
    let (listener, who) = (Arc::clone(&setup.listener), setup.name.clone());
    let told = Box::new(move |busy: &Busy| listener(&who, busy));
    let mut changer = MediumChanger::open_with(arm, Patience { told, ..Patience::default() })?;
    let index = u16::try_from(slot).ok().and_then(|slot| slot.checked_sub(1));
    let slots = changer.layout().slots.count;
    let index = index.filter(|index| *index < slots).ok_or_else(|| {
        Misuse(format!("there is no slot {slot}: there are the slots 1 to {slots}"))
    })?;
    let stock = changer.stock()?;
    let full = |(cell, content): (&Cell, &devices::smc::Content)| {
        (*cell == Cell::bay(cell.index) && content.is_full()).then_some(cell.index)
    };
    if let Some(bay) = stock.places.iter().find_map(full) {
        anyhow::bail!(
            "all drives must be empty, and bay {bay} has a cartridge: take it back with `reelkeep library unload`, or at \
             the library's panel"
        );
    }
    let proved = proof::by_loading(&mut changer, &opener, &setup.nodes, index)?;
    let serials: Vec<Option<String>> = proved
        .iter()
        .map(|proved| {
            let transport = opener(proved.node.as_deref()?).ok()?;
            let name = "drive".parse().ok()?;
            let mut drive = TapeDrive::new(name, transport, ssc::Setup::default());
            drive.identify().ok()?.serial
        })
        .collect();
    if context.json {
        let values = proved.iter().zip(&serials).map(
            |(proved, serial)| json!({ "bay": proved.bay, "node": proved.node, "serial": serial }),
        );
        print::json(&values.collect::<Vec<_>>())?;
        return Ok(Exit::Good);
    }
    for (proved, serial) in proved.iter().zip(&serials) {
        let serial = serial.as_ref().map(|serial| format!(", serial {serial}")).unwrap_or_default();
        print::line(&format!("{proved}{serial}"))?;
    }
    print::line(&format!(
        "\nin [changer.{}]:\n\n{}",
        storage.changer.name,
        written(&proved, &serials)
    ))?;
    Ok(Exit::Good)
}

/// The drives as the configuration says them.
fn written(proved: &[Proved], serials: &[Option<String>]) -> String {
    let drives = proved.iter().zip(serials).filter_map(|(Proved { bay, node }, serial)| {
        let found = match serial {
            Some(serial) => format!("serial = {serial:?}"),
            None => format!("node = {:?}", node.as_ref()?),
        };
        Some(format!("  {{ name = \"drive{bay}\", {found}, bay = {bay} }},\n"))
    });
    format!("drives = [\n{}]", drives.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_proved_is_written_as_the_configuration_wants_it() {
        let node = |node: &str| Some(node.to_owned());
        let proved = [
            Proved { bay: 0, node: node("/dev/sg4") },
            Proved { bay: 1, node: None },
            Proved { bay: 2, node: node("/dev/sg3") },
        ];
        let text = written(&proved, &[Some("1068000123".into()), None, None]);
        assert_eq!(
            text,
            "drives = [\n  { name = \"drive0\", serial = \"1068000123\", bay = 0 },\n  { name = \"drive2\", node = \
             \"/dev/sg3\", bay = 2 },\n]"
        );
    }
}
