//! A question to the operator, and how it is put: on a terminal, in a mail, on the board.

use std::time::Duration;

use types::{DriveName, Label};

use super::{Place, in_words};
use crate::mail::Mail;

/// A cartridge is wanted in a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In which drive.
    pub drive: DriveName,
    /// Which device that is: `/dev/nst0`.
    pub device: String,
    /// What is wanted.
    pub wanted: Wanted,
    /// What is in the drive, or was until it was given out, and why it will not do.
    pub now: String,
}

/// What would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This volume, to be read.
    Volume(Label),
    /// Any cartridge that has not been read yet.
    Next,
    /// Something to write on.
    ToWrite {
        /// Volumes that the catalogue knows, the best first, each with the reason.
        volumes: Vec<(Label, String)>,
        /// The label that a blank cartridge would get, if it may be used.
        blank: Option<Label>,
    },
}

/// So many volumes are named.
const NAMED: usize = 12;

impl Request {
    /// The question in one line.
    pub fn title(&self) -> String {
        let Self { drive, device, .. } = self;
        match &self.wanted {
            Wanted::Volume(label) => format!("put volume {label} into drive {drive} ({device})"),
            Wanted::Next => {
                format!("put the next cartridge that is to be read into drive {drive} ({device})")
            }
            Wanted::ToWrite { .. } => {
                format!("put a volume to write on into drive {drive} ({device})")
            }
        }
    }

    /// The whole question, for somebody who follows what goes on.
    pub fn prompt(&self, place: Place, limit: Option<Duration>) -> String {
        let mut text = self.facts();
        let limit = limit.map(|limit| format!(" The wait ends after {}.", in_words(limit)));
        text.push_str(&match place {
            Place::Terminal => {
                let limit = limit.unwrap_or_default();
                let without = self.without();
                match self.wanted {
                    Wanted::Volume(_) => {
                        format!("Then press Enter; s skips it ({without}), q gives up.{limit}")
                    }
                    Wanted::Next => format!("Then press Enter, or s if this was all.{limit}"),
                    Wanted::ToWrite { .. } => {
                        format!("Then press Enter, or s to go on without ({without}).{limit}")
                    }
                }
            }
            Place::Away => format!(
                "The drive is watched. `reelkeep library loaded` says that it is done, `reelkeep library skip` {}.{}",
                match self.wanted {
                    Wanted::Next => "says that this was all".to_owned(),
                    _ => format!("goes on without ({})", self.without()),
                },
                limit.unwrap_or_default()
            ),
        });
        text
    }

    /// The question by mail.
    pub fn mail(&self, org: &str, site: &str) -> Mail {
        let text = format!(
            "{}\nNothing else is needed: the drive is looked at every half minute. To have it looked at once:\n\n\
             \x20   reelkeep -c {site} library loaded\n\n{}:\n\n\
             \x20   reelkeep -c {site} library skip\n",
            self.facts(),
            match self.wanted {
                Wanted::Next => "If this was all".to_owned(),
                _ => format!("To go on without ({})", self.without()),
            },
        );
        Mail { subject: format!("{org}: {}", self.title()), text, ..Mail::default() }
    }

    fn facts(&self) -> String {
        let title = self.title();
        let (first, rest) = title.split_at(1);
        let mut text = format!("{}{rest}.\n", first.to_uppercase());
        text.push_str(&format!("  Now: {}\n", self.now));
        if let Wanted::ToWrite { volumes, blank } = &self.wanted {
            for (number, line) in would_do(volumes, blank.as_ref()).iter().enumerate() {
                let head = if number == 0 { "These would do:" } else { "" };
                text.push_str(&format!("  {head:<15} {line}\n"));
            }
        }
        text
    }

    fn without(&self) -> &'static str {
        match self.wanted {
            Wanted::Volume(_) => "what is only on it is not read",
            Wanted::Next => "the others are not read",
            Wanted::ToWrite { .. } => "dumps then wait on the holding disk",
        }
    }
}

fn would_do(volumes: &[(Label, String)], blank: Option<&Label>) -> Vec<String> {
    let mut lines: Vec<String> =
        volumes.iter().take(NAMED).map(|(label, why)| format!("{label} ({why})")).collect();
    if let Some(more) = volumes.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more: `reelkeep list volumes`"));
    }
    if let Some(label) = blank {
        lines.push(format!("a blank cartridge (it becomes {label})"));
    }
    if lines.is_empty() {
        lines.push(
            "none that the catalogue knows: all are needed (`reelkeep list volumes`), and no blank one is labelled \
             by itself (autolabel)"
                .to_owned(),
        );
    }
    lines
}
