//! Where the bytes of a cartridge are: in memory, or in two files of a directory.
//!
//! `SERIAL.data` holds the blocks, one behind the other; `SERIAL.objects` is a journal of lines of JSON that
//! says what stands where: an object that became durable, a cut, an end-of-data mark. Bytes are written when
//! the drive takes them, the line when the medium has them. So a process that dies loses what stood in the
//! drive's buffer, and leaves the torn end that a drive leaves that loses power.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::directory::{MOST, invalid};
use super::medium::{Block, Content, LONGEST_BLOCK, Object, Partition, Settled};

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

/// No line needs more: a kilobyte or two, and the data that goes with a key.
const LONGEST_LINE: u64 = 1 << 20;

/// What the journal says, and how much of it is whole lines.
///
/// A power cut leaves half a line at the end, or zeros where lines were not on the disk yet: what is from there on was
/// never promised. Any other line that is none is damage, and must not cost what stands behind it.
fn replay(journal: impl Read) -> io::Result<(Vec<Partition>, u64)> {
    let mut tape = vec![Partition::default()];
    let mut length = 0;
    let mut lines = BufReader::new(journal);
    let mut text = Vec::new();
    for number in 1_u64.. {
        text.clear();
        if (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        let is_whole = text.last() == Some(&b'\n') && !text.contains(&0);
        let too_long = text.len() as u64 == LONGEST_LINE;
        let done = match serde_json::from_slice(&text) {
            Ok(line) if is_whole => apply(&mut tape, line),
            Ok(_) => break,
            Err(_) if !is_whole && !too_long => break,
            Err(error) => Err(error.to_string()),
        };
        done.map_err(|what| invalid(format!("line {number} of its journal is damaged: {what}")))?;
        length += text.len() as u64;
    }
    Ok((tape, length))
}

/// Carries out a line of the journal.
fn apply(tape: &mut Vec<Partition>, line: Line) -> Result<(), String> {
    if let Line::Format { partitions } = line {
        *tape = vec![Partition::default(); usize::from(partitions.max(1))];
        return Ok(());
    }
    let (Line::Put { partition, .. } | Line::Cut { partition, .. } | Line::End { partition }) =
        line
    else {
        return Ok(());
    };
    let number = usize::from(partition);
    let tape = tape.get_mut(number).ok_or_else(|| format!("there is no partition {number}"))?;
    match line {
        Line::Put { at, count, object, .. } => {
            check(tape, at, count, &object)?;
            tape.cut(at);
            tape.push_many(object, count);
            tape.settle(u64::MAX);
        }
        Line::Cut { at, .. } => tape.cut(at),
        Line::End { .. } => tape.mend_end(),
        Line::Format { .. } => {}
    }
    Ok(())
}

/// Whether so many of this object can stand there.
fn check(tape: &Partition, at: u64, count: u64, object: &Object) -> Result<(), String> {
    if at > tape.end() {
        return Err(format!("it is about object {at}, and only {} are before it", tape.end()));
    }
    let most = |numbers: [Option<u64>; 3]| numbers.iter().all(|it| it.is_some_and(|it| it <= MOST));
    let place = match object {
        Object::Block(Block { length, .. }) if *length > LONGEST_BLOCK => {
            return Err(format!("it is about a block of {length} bytes"));
        }
        Object::Block(Block { content: Content::At(at), .. }) => *at,
        Object::Block(_) | Object::Filemark => 0,
    };
    let native = count.checked_mul(object.native());
    let native = native.and_then(|it| it.checked_add(tape.native_before(u64::MAX)));
    if most([at.checked_add(count), native, Some(place)]) {
        Ok(())
    } else {
        Err("it is about more than any tape holds".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(text: &[u8]) -> Result<(u64, u64), String> {
        let (tape, length) = replay(text).map_err(|error| error.to_string())?;
        Ok((tape[0].end(), length))
    }

    const MARK: &str = r#"{"put":{"partition":0,"at":0,"count":2,"object":"filemark"}}"#;

    #[test]
    fn what_a_power_cut_leaves_of_a_journal_ends_it() {
        let whole = format!("{MARK}\n");
        let length = whole.len() as u64;
        assert_eq!(replayed(b""), Ok((0, 0)));
        assert_eq!(replayed(whole.as_bytes()), Ok((2, length)));
        for torn in [
            "{\"cut\":{\"par",
            MARK,
            "\0\0\0\0\0",
            "\0\0\0\0\n",
            "\0\0\0\n{\"end\":{\"partition\":0}}\n",
        ] {
            let text = format!("{whole}{torn}");
            assert_eq!(replayed(text.as_bytes()), Ok((2, length)), "{torn:?}");
        }
    }

    #[test]
    fn a_damaged_line_is_an_error_and_takes_nothing_along() {
        let block = |at: u64, count: u64, length: u64, place: u64| {
            format!(
                r#"{{"put":{{"partition":0,"at":{at},"count":{count},"object":{{"block":{{"length":{length},"native":9,"crc":0,"content":{{"at":{place}}}}}}}}}}}"#
            )
        };
        assert_eq!(replayed(format!("{}\n", block(0, 1, 9, 0)).as_bytes()).map(|it| it.0), Ok(1));
        for bad in [
            "no JSON".to_owned(),
            "{\"put\":{\"partition\":0}}".to_owned(),
            "{\"end\":{\"partition\":1}}".to_owned(),
            MARK.replace("\"at\":0", "\"at\":1"),
            MARK.replace(":2", ":18446744073709551615"),
            block(0, 1, 1 << 30, 0),
            block(0, 1 << 62, 9, 0),
            block(0, 1, 9, u64::MAX),
            "x".repeat(2 << 20),
        ] {
            let said = replayed(format!("{bad}\n{MARK}\n").as_bytes()).unwrap_err();
            assert!(said.starts_with("line 1 of its journal is damaged: "), "{said}");
        }
    }
}
