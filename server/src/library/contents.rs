//! What the files of a volume say of themselves, without the catalogue.

use format::header::Header;
use serde::Serialize;
use taper::mount::{Identified, is_records};
use types::{FileNo, Slot};

use super::{Library, LibraryTrouble};

/// What one file of a volume says of itself.
#[derive(Debug, Serialize)]
pub struct FileSays {
    /// Which.
    pub file: FileNo,
    /// In words.
    pub says: String,
}

/// Reads the headers of the volume in a slot, without the catalogue.
pub fn scan_slot(library: &Library, slot: Slot) -> Result<Vec<FileSays>, LibraryTrouble> {
    let drive = library.any_drive()?;
    let mut files = Vec::new();
    match library.load(slot, drive)?.identify()? {
        Identified::Blank(_) => {
            files.push(FileSays { file: FileNo::LABEL, says: "blank".to_owned() })
        }
        Identified::Foreign(foreign) => {
            files.push(FileSays { file: FileNo::LABEL, says: foreign.what().to_owned() });
        }
        Identified::Labelled(mut mounted) => {
            files
                .push(FileSays { file: FileNo::LABEL, says: format!("label {}", mounted.label()) });
            let end = mounted.end_of_data()?;
            let mut file = FileNo::FIRST;
            while file < end {
                let says = mounted
                    .header_of(file)?
                    .map_or_else(|| "no header".to_owned(), |header| said(&header));
                files.push(FileSays { file, says });
                file = file.next();
            }
        }
    }
    Ok(files)
}

/// A header in a line.
pub fn said(header: &Header) -> String {
    match header {
        Header::TapeStart(start) => format!("label {}", start.label),
        Header::TapeEnd => "end of tape".to_owned(),
        Header::Noop => "nothing".to_owned(),
        Header::Empty => "blank".to_owned(),
        Header::Weird => "something that is no header".to_owned(),
        Header::File(dump) | Header::ContFile(dump) => {
            format!("image of {}:{} level {}", dump.host, dump.disk, dump.level)
        }
        records @ Header::SplitFile { dump, .. } if is_records(records) => {
            let run = dump.stamp.map_or_else(|| "a run".to_owned(), |stamp| format!("run {stamp}"));
            format!("records of {run}")
        }
        Header::SplitFile { part, dump, .. } => {
            let (host, disk) = match &dump.ours {
                Some(ours) => (ours.dle.host.to_string(), ours.dle.dle.to_string()),
                None => (dump.host.clone(), dump.disk.clone()),
            };
            let run = dump.stamp.map(|stamp| format!(", run {stamp}")).unwrap_or_default();
            let id =
                dump.ours.as_ref().map(|ours| format!(", dump {}", ours.dump)).unwrap_or_default();
            format!("part {part} of {host}:{disk} level {}{run}{id}", dump.level)
        }
    }
}
