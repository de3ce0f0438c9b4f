//! A drive behind the kernel's tape driver: the little that the driver tells of it, and where to ask for the rest.

use devices::scsi::densities::density;
use devices::st::{Beyond, Presence, StDrive};

use super::sheet::{Sheet, Told};
use crate::command::Exit;

/// What is known of it.
pub(super) fn show(drive: &mut StDrive, name: &str) -> anyhow::Result<Told> {
    let told = drive.tell()?;
    let mut sheet = Sheet::of(name);
    sheet.row("asked through", Some("the kernel's tape driver"));
    sheet.row("state", Some(presence(told.presence)));
    if told.presence == Presence::Ready {
        sheet.row("cartridge", density(told.density).map(|known| known.name));
        let protection = if told.write_protected { "write-protected" } else { "may be written" };
        sheet.row("protection", Some(protection));
        let each = || "each as long as it is written".to_owned();
        let block = if told.block == 0 { each() } else { format!("{} bytes", told.block) };
        sheet.put("blocks", block, told.block.into());
        sheet.count("stands before file", told.file.map(u64::from));
        sheet.count("stands before object", told.object);
    }
    sheet.row("not known", Some(drive.beyond(Beyond::Identity).to_string()));
    Ok(sheet.told(Exit::Good))
}

fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Empty => "it is empty",
        Presence::Ready => "it is ready",
        Presence::NotReady => "it has a cartridge, and is not ready",
    }
}
