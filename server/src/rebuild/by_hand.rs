//! One cartridge after another, put in by a person, until that was all.
//!
//! Nobody here knows how many there are: the person says so. What was put in is read like the cartridges of a robot, and
//! one that is put in twice, or that is none of ours, only makes the next question say so.

use types::Blame;

use super::survey::{Look, Seen};
use super::trouble;
use crate::library::LibraryTrouble;
use crate::operator::NotLoaded;

/// Reads what is in the drive, and asks for the next, until there is none.
pub(super) fn read(
    look: &Look<'_>,
    seen: &mut Vec<Seen>,
    troubles: &mut Vec<String>,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let before = seen.len();
    loop {
        let now = one(look, seen, troubles, say)?;
        let so_far = match seen.len() - before {
            0 => String::new(),
            1 => ". 1 volume has been read".to_owned(),
            n => format!(". {n} volumes have been read"),
        };
        match look.library.ask_for_next(format!("{now}{so_far}")) {
            Ok(_) => {}
            Err(NotLoaded::Skipped | NotLoaded::GaveUp) => return Ok(()),
            Err(NotLoaded::Stopped) => return Err(NotLoaded::Stopped.into()),
            Err(ended @ (NotLoaded::NotAsked | NotLoaded::NobodyCame(_))) => {
                troubles.push(format!(
                    "perhaps not all cartridges were read: {ended}. What is on the others is added when \
                     `reelkeep catalogue rebuild` gets them"
                ));
                return Ok(());
            }
        }
    }
}

/// Reads what is in the drive, and says what that was.
fn one(
    look: &Look<'_>,
    seen: &mut Vec<Seen>,
    troubles: &mut Vec<String>,
    say: &mut dyn FnMut(&str),
) -> Result<String, LibraryTrouble> {
    let Some(view) = look.library.slots()?.into_iter().next() else {
        return Err(LibraryTrouble::NoDrive);
    };
    let troubled = troubles.len();
    match look.slot(&view, troubles) {
        Ok(Some(volume)) if seen.iter().any(|other| other.label == volume.label) => {
            Ok(format!("{} is in it, which had been read already", volume.label))
        }
        Ok(Some(volume)) => {
            say(&volume.in_words());
            let now = format!("{} is in it, and has been read", volume.label);
            seen.push(volume);
            Ok(now)
        }
        Ok(None) => Ok(match troubles.get(troubled..) {
            Some([.., last]) => last.clone(),
            _ => "a blank cartridge is in it".to_owned(),
        }),
        Err(LibraryTrouble::NobodyThere { .. }) => Ok("it is empty".to_owned()),
        Err(error) if matches!(error.blame(), Blame::Medium | Blame::Nothing) => {
            let text = trouble("a cartridge could not be read", &error);
            troubles.push(text.clone());
            Ok(text)
        }
        Err(error) => Err(error),
    }
}
