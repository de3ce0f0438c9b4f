//! Blocks into headers.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

use types::{BlockSize, Bytes, DleRef, Level, PartNo, Stamp};

use super::quote::first_word;
use super::{DumpHeader, Header, HeaderError, Ours, Stretch, TapeStart, VERSION, unquote};

/// The longest text that is looked at.
const LONGEST: usize = 64 << 10;
/// The longest first line.
const LONGEST_LINE: usize = 8 << 10;

/// What a first block says. What does not begin as a header is [`Header::Weird`]; nothing, or nothing but
/// NUL bytes, is [`Header::Empty`].
pub fn decode(block: &[u8]) -> Result<Header, HeaderError> {
    let block = &block[..block.len().min(LONGEST)];
    let text = &block[..block.iter().position(|byte| *byte == 0).unwrap_or(block.len())];
    if text.is_empty() {
        return Ok(if block.iter().all(|byte| *byte == 0) { Header::Empty } else { Header::Weird });
    }
    let Some(rest) = text.strip_prefix(b"AMANDA: ").or_else(|| text.strip_prefix(b"NETDUMP: "))
    else {
        return Ok(Header::Weird);
    };
    let (line, rest) = first_line(rest)?;
    let line = String::from_utf8_lossy(line);
    let mut words = Words(&line);
    match words.next() {
        Some("TAPESTART") => tape_start(words, rest),
        Some("TAPEEND") => Ok(Header::TapeEnd),
        Some("NOOP") => Ok(Header::Noop),
        Some("FILE") => Ok(Header::File(dump(words, rest)?.1)),
        Some("CONT_FILE") => Ok(Header::ContFile(dump(words, rest)?.1)),
        Some("SPLIT_FILE") => {
            let (part, dump) = dump(words, rest)?;
            let (part, total) = part.ok_or(HeaderError::FirstLine("part"))?;
            Ok(Header::SplitFile { part, total, dump })
        }
        _ => Ok(Header::Weird),
    }
}

/// The words of a line, one after the other.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = first_word(self.0)?;
        self.0 = rest;
        Some(word)
    }

    /// The next word, read as a value.
    fn value<T: FromStr>(&mut self, what: &'static str) -> Result<T, HeaderError> {
        self.next().and_then(|word| word.parse().ok()).ok_or(HeaderError::FirstLine(what))
    }
}

/// The first line and the rest. A line feed within quotes does not end it.
fn first_line(text: &[u8]) -> Result<(&[u8], &[u8]), HeaderError> {
    let mut in_quotes = false;
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate().take(LONGEST_LINE) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_quotes => escaped = true,
            b'"' => in_quotes = !in_quotes,
            b'\n' if !in_quotes => return Ok((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    if text.len() < LONGEST_LINE { Ok((text, &[])) } else { Err(HeaderError::Endless) }
}

fn tape_start(mut words: Words<'_>, rest: &[u8]) -> Result<Header, HeaderError> {
    if words.next() != Some("DATE") {
        return Err(HeaderError::FirstLine("DATE"));
    }
    let stamp = stamp(words.next())?;
    if words.next() != Some("TAPE") {
        return Err(HeaderError::FirstLine("TAPE"));
    }
    let label = words.value("label")?;
    let mut start = TapeStart { stamp, label, block_size: None, pool: None };
    for line in rest.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        match line.split_once('=') {
            Some(("REELKEEP-BLOCK-SIZE", value)) => {
                let size = value.parse().ok().and_then(BlockSize::new);
                start.block_size = Some(size.ok_or(HeaderError::Line("REELKEEP-BLOCK-SIZE"))?);
            }
            Some(("REELKEEP-POOL", value)) => {
                start.pool = Some(value.parse().map_err(|_| HeaderError::Line("REELKEEP-POOL"))?);
            }
            _ => {}
        }
    }
    Ok(Header::TapeStart(start))
}

/// `X` means never. A stamp of eight digits is a day of old programs.
fn stamp(word: Option<&str>) -> Result<Option<Stamp>, HeaderError> {
    let word = word.ok_or(HeaderError::FirstLine("date"))?;
    let long = if word.len() == 8 { format!("{word}000000") } else { word.to_owned() };
    match word {
        "X" | "0" => Ok(None),
        _ => long.parse().map(Some).map_err(|_| HeaderError::FirstLine("date")),
    }
}

type Part = Option<(PartNo, Option<u32>)>;

fn dump(mut words: Words<'_>, rest: &[u8]) -> Result<(Part, DumpHeader), HeaderError> {
    let stamp = stamp(words.next())?;
    let host = words.next().ok_or(HeaderError::FirstLine("host"))?.to_owned();
    let disk = unquote(words.next().ok_or(HeaderError::FirstLine("disk"))?);
    let mut dump = DumpHeader {
        stamp,
        host,
        disk,
        level: Level::FULL,
        comp: "N".to_owned(),
        program: String::new(),
        words: Vec::new(),
        application: None,
        next_file: None,
        partial: false,
        orig_kib: None,
        native_crc: None,
        client_crc: None,
        server_crc: None,
        dle_xml: None,
        pipeline: Vec::new(),
        ours: None,
    };
    let mut part = None;
    let mut levelled = false;
    while let Some(word) = words.next() {
        match word {
            "part" => part = Some(part_of(words.next().ok_or(HeaderError::FirstLine("part"))?)?),
            "lev" => (dump.level, levelled) = (words.value("level")?, true),
            "comp" => dump.comp = words.value("compression")?,
            "program" => dump.program = words.value("program")?,
            name => {
                let value = words.next().unwrap_or_default().to_owned();
                dump.words.push((name.to_owned(), value));
            }
        }
    }
    if !levelled {
        return Err(HeaderError::FirstLine("level"));
    }
    take_lines(&mut dump, rest)?;
    Ok((part, dump))
}

fn part_of(word: &str) -> Result<(PartNo, Option<u32>), HeaderError> {
    let bad = || HeaderError::FirstLine("part");
    let (part, total) = word.split_once('/').unwrap_or((word, "-1"));
    let part: u32 = part.parse().map_err(|_| bad())?;
    let total = match total {
        "-1" | "UNKNOWN" => None,
        total => Some(total.parse().map_err(|_| bad())?),
    };
    if part == 0 { Err(bad()) } else { Ok((PartNo(part), total)) }
}

fn take_lines(dump: &mut DumpHeader, rest: &[u8]) -> Result<(), HeaderError> {
    let mut ours = OurLines::default();
    let mut lines = rest.split(|byte| *byte == b'\n');
    while let Some(bytes) = lines.next() {
        let line = String::from_utf8_lossy(bytes);
        if line == "\x0c" {
            break;
        }
        if line.starts_with("To restore, position tape") {
            let pipeline = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
            dump.pipeline =
                pipeline.split('|').skip(1).map(|command| command.trim().to_owned()).collect();
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        match name {
            "CONT_FILENAME" => {
                dump.next_file =
                    Some(PathBuf::from(OsStr::from_bytes(&bytes[b"CONT_FILENAME=".len()..])));
            }
            "APPLICATION" => dump.application = Some(value.to_owned()),
            "PARTIAL" => dump.partial = value.eq_ignore_ascii_case("yes"),
            "ORIGSIZE" => dump.orig_kib = value.parse().ok(),
            "NATIVE-CRC" => dump.native_crc = crc(value),
            "CLIENT-CRC" => dump.client_crc = crc(value),
            "SERVER-CRC" => dump.server_crc = crc(value),
            "DLE" => {
                dump.dle_xml =
                    value.strip_prefix("<<").map(|marker| here_document(&mut lines, marker))
            }
            _ => ours.take(name, value),
        }
    }
    dump.ours = ours.finish()?;
    Ok(())
}

/// The lines up to the one that is the marker.
fn here_document<'a>(lines: &mut impl Iterator<Item = &'a [u8]>, marker: &str) -> String {
    let body = lines.take_while(|line| *line != marker.as_bytes());
    body.map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
}

fn crc(value: &str) -> Option<(u32, u64)> {
    let (crc, length) = value.split_once(':')?;
    Some((u32::from_str_radix(crc, 16).ok()?, length.parse().ok()?))
}

/// Our own lines, as they come.
#[derive(Default)]
struct OurLines(Vec<(String, String)>);

impl OurLines {
    fn take(&mut self, name: &str, value: &str) {
        if let Some(name) = name.strip_prefix("REELKEEP-") {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    fn find<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, HeaderError> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.parse().map_err(|_| HeaderError::Line(name))).transpose()
    }

    fn need<T: FromStr>(&self, name: &'static str) -> Result<T, HeaderError> {
        self.find(name)?.ok_or(HeaderError::Line(name))
    }

    fn finish(self) -> Result<Option<Ours>, HeaderError> {
        let Some(version) = self.find("VERSION")? else { return Ok(None) };
        if version > VERSION {
            return Err(HeaderError::Newer(version));
        }
        let stretch = match self.find("FIRST-FRAME")? {
            None => None,
            Some(first_frame) => Some(Stretch {
                first_frame,
                last_frame: self.find("LAST-FRAME")?,
                offset: self.need("OFFSET")?,
                bytes: self.find("PART-BYTES")?,
                sha256_before: self.find("SHA256-BEFORE")?,
                crc32c_before: u32::from_str_radix(&self.need::<String>("CRC32C-BEFORE")?, 16)
                    .map_err(|_| HeaderError::Line("CRC32C-BEFORE"))?,
            }),
        };
        Ok(Some(Ours {
            version,
            dump: self.need("DUMP")?,
            base: self.find("BASE")?,
            dle: DleRef { host: self.need("HOST")?, dle: self.need("DLE")? },
            raw: self.find("RAW-BYTES")?.map(Bytes),
            stored: self.find("IMAGE-BYTES")?.map(Bytes),
            stretch,
        }))
    }
}
