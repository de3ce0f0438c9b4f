//! Where the bytes of a cartridge are: in memory, or in two files of a directory.
//!
//! `SERIAL.data` holds the blocks, one behind the other; `SERIAL.objects` is a journal of lines of JSON that
//! says what stands where: an object that became durable, a cut, an end-of-data mark. Bytes are written when
//! the drive takes them, the line when the medium has them. So a process that dies loses what stood in the
//! drive's buffer, and leaves the torn end that a drive leaves that loses power.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::medium::{Content, Object, Partition, Settled};

/// Where a cartridge's bytes are.
#[derive(Clone, Debug, Default)]
pub(crate) enum Store {
    #[default]
    Memory,
    Files(Arc<Files>),
}

/// The two files of a cartridge.
#[derive(Debug)]
pub(crate) struct Files {
    data: File,
    journal: File,
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// So many of this object, from this number on.
    Put { partition: u8, at: u64, count: u64, object: Object },
    /// All from this object on is gone, and the end is torn.
    Cut { partition: u8, at: u64 },
    /// The end of data is marked.
    End { partition: u8 },
    /// The cartridge was formatted, with so many partitions.
    Format { partitions: u8 },
}

impl Store {
    /// Opens the files of a cartridge, made anew if need be, and reads what stands on it.
    pub(crate) fn open(directory: &Path, serial: &str) -> io::Result<(Self, Vec<Partition>)> {
        let open = |extension: &str| {
            let path = directory.join(format!("{serial}.{extension}"));
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        };
        let (data, journal) = (open("data")?, open("objects")?);
        let (tape, length) = replay(&journal)?;
        // A line that was being written when the process died is no line.
        journal.set_len(length)?;
        Ok((Self::Files(Arc::new(Files { data, journal })), tape))
    }

    /// Takes the bytes of a block, which will stand behind the last block of `tape`.
    pub(crate) fn take(&self, tape: &[Partition], bytes: &[u8]) -> io::Result<Content> {
        if let Some((&first, rest)) = bytes.split_first()
            && rest == &bytes[..rest.len()]
        {
            return Ok(Content::Fill(first));
        }
        match self {
            Self::Memory => Ok(Content::Held(bytes.into())),
            Self::Files(files) => {
                let at = tape.iter().map(Partition::data_end).max().unwrap_or(0);
                files.data.write_all_at(bytes, at)?;
                Ok(Content::At(at))
            }
        }
    }

    /// The bytes of a block.
    pub(crate) fn bytes(&self, content: &Content, length: u32) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match (content, self) {
            (Content::Fill(byte), _) => Ok(vec![*byte; length]),
            (Content::Held(bytes), _) => Ok(bytes.to_vec()),
            (Content::At(at), Self::Files(files)) => {
                let mut bytes = vec![0; length];
                files.data.read_exact_at(&mut bytes, *at)?;
                Ok(bytes)
            }
            (Content::At(_), Self::Memory) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(crate) fn note_settled(&self, partition: u8, settled: &[Settled]) -> io::Result<()> {
        settled.iter().try_for_each(|Settled { at, count, object }| {
            let (at, count, object) = (*at, *count, object.clone());
            self.note(&Line::Put { partition, at, count, object })
        })
    }

    pub(crate) fn note_cut(&self, partition: u8, at: u64) -> io::Result<()> {
        self.note(&Line::Cut { partition, at })
    }

    pub(crate) fn note_end(&self, partition: u8) -> io::Result<()> {
        self.note(&Line::End { partition })
    }

    pub(crate) fn note_format(&self, partitions: u8) -> io::Result<()> {
        if let Self::Files(files) = self {
            files.journal.set_len(0)?;
            files.data.set_len(0)?;
        }
        self.note(&Line::Format { partitions })
    }

    fn note(&self, line: &Line) -> io::Result<()> {
        let Self::Files(files) = self else { return Ok(()) };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let end = files.journal.metadata()?.len();
        files.journal.write_all_at(&text, end)
    }

    /// Brings all to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let Self::Files(files) = self else { return Ok(()) };
        (&files.journal).flush()?;
        files.data.sync_data()?;
        files.journal.sync_data()
    }
}

/// What the journal says, and how much of it is whole lines.
fn replay(journal: &File) -> io::Result<(Vec<Partition>, u64)> {
    let mut tape = vec![Partition::default()];
    let mut length = 0;
    let mut lines = BufReader::new(journal);
    let mut text = Vec::new();
    while lines.read_until(b'\n', &mut text)? > 0 {
        let Ok(line) = serde_json::from_slice::<Line>(&text) else { break };
        length += text.len() as u64;
        text.clear();
        match line {
            Line::Format { partitions } => {
                tape = vec![Partition::default(); usize::from(partitions.max(1))];
            }
            Line::Put { partition, at, count, object } => {
                if let Some(tape) = tape.get_mut(usize::from(partition)) {
                    tape.cut(at);
                    tape.push_many(object, count);
                    tape.settle(u64::MAX);
                }
            }
            Line::Cut { partition, at } => {
                if let Some(tape) = tape.get_mut(usize::from(partition)) {
                    tape.cut(at);
                }
            }
            Line::End { partition } => {
                if let Some(tape) = tape.get_mut(usize::from(partition)) {
                    tape.mend_end();
                }
            }
        }
    }
    Ok((tape, length))
}
