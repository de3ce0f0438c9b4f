//! Headers into blocks.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use types::{BlockSize, DleRef, Level};

use super::{DumpHeader, Header, HeaderError, Ours, TapeStart, ZSTD, quote};

/// What ends the text of a header.
const END: &str = "\x0c\n";

/// The header as a whole block, filled with NUL bytes.
pub fn encode(header: &Header, block: BlockSize) -> Result<Vec<u8>, HeaderError> {
    let mut text = match header {
        Header::TapeStart(start) => tape_start(start),
        Header::TapeEnd => b"AMANDA: TAPEEND\n".to_vec(),
        Header::Noop => b"AMANDA: NOOP\n".to_vec(),
        Header::File(dump) => dump_text("FILE", "", dump, block),
        Header::ContFile(dump) => dump_text("CONT_FILE", "", dump, block),
        Header::SplitFile { part, total, dump } => {
            let total = total.map_or_else(|| "-1".to_owned(), |total| total.to_string());
            dump_text("SPLIT_FILE", &format!(" part {part}/{total} "), dump, block)
        }
        Header::Empty | Header::Weird => Vec::new(),
    };
    text.extend_from_slice(END.as_bytes());
    if text.len() > block.len() {
        return Err(HeaderError::TooLong { length: text.len(), block: block.len() });
    }
    text.resize(block.len(), 0);
    Ok(text)
}

fn tape_start(start: &TapeStart) -> Vec<u8> {
    let stamp = start.stamp.map_or_else(|| "X".to_owned(), |stamp| stamp.to_string());
    let mut text = format!("AMANDA: TAPESTART DATE {stamp} TAPE {}\n", start.label);
    if let Some(size) = start.block_size {
        push(&mut text, "REELKEEP-BLOCK-SIZE", size.bytes().0);
    }
    if let Some(pool) = &start.pool {
        push(&mut text, "REELKEEP-POOL", pool);
    }
    text.into_bytes()
}

/// The text of a dump's header: Amanda's first line word for word, its lines in its order, and ours between.
fn dump_text(kind: &str, part: &str, dump: &DumpHeader, block: BlockSize) -> Vec<u8> {
    let stamp = dump.stamp.map_or_else(|| "X".to_owned(), |stamp| stamp.to_string());
    let host: String =
        dump.host.chars().map(|c| if c.is_whitespace() || c == '"' { '_' } else { c }).collect();
    let mut text = format!(
        "AMANDA: {kind} {stamp} {host} {} {part} lev {} comp {} program {}",
        quote(&dump.disk),
        dump.level,
        dump.comp,
        dump.program
    )
    .into_bytes();
    for (name, value) in &dump.words {
        text.extend_from_slice(format!(" {name} {value}").as_bytes());
    }
    text.push(b'\n');
    if let Some(next) = &dump.next_file {
        text.extend_from_slice(b"CONT_FILENAME=");
        text.extend_from_slice(next.as_os_str().as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(lines(dump, block).as_bytes());
    text
}

fn lines(dump: &DumpHeader, block: BlockSize) -> String {
    let mut text = String::new();
    if let Some(application) = &dump.application {
        push(&mut text, "APPLICATION", application);
    }
    if dump.partial {
        push(&mut text, "PARTIAL", "YES");
    }
    if let Some(kib) = dump.orig_kib {
        push(&mut text, "ORIGSIZE", kib);
    }
    let crcs = [
        ("NATIVE-CRC", dump.native_crc),
        ("CLIENT-CRC", dump.client_crc),
        ("SERVER-CRC", dump.server_crc),
    ];
    for (name, crc) in crcs {
        if let Some((crc, length)) = crc {
            push(&mut text, name, format!("{crc:08x}:{length}"));
        }
    }
    if let Some(ours) = &dump.ours {
        our_lines(&mut text, ours);
    }
    if let Some(xml) = &dump.dle_xml {
        let marker = end_marker(xml);
        text.push_str(&format!("DLE=<<{marker}\n{xml}\n{marker}\n"));
    }
    if !dump.pipeline.is_empty() {
        let kib = block.bytes().0 / 1024;
        text.push_str("To restore, position tape at start of file and run:\n");
        text.push_str(&format!(
            "\tdd if=<tape> bs={kib}k skip=1 | {} \n",
            dump.pipeline.join(" | ")
        ));
    }
    text
}

fn our_lines(text: &mut String, ours: &Ours) {
    push(text, "REELKEEP-VERSION", ours.version);
    push(text, "REELKEEP-DUMP", ours.dump);
    if let Some(base) = ours.base {
        push(text, "REELKEEP-BASE", base);
    }
    push(text, "REELKEEP-HOST", &ours.dle.host);
    push(text, "REELKEEP-DLE", &ours.dle.dle);
    if let Some(raw) = ours.raw {
        push(text, "REELKEEP-RAW-BYTES", raw.0);
    }
    if let Some(stored) = ours.stored {
        push(text, "REELKEEP-IMAGE-BYTES", stored.0);
    }
    if let Some(stretch) = &ours.stretch {
        push(text, "REELKEEP-FIRST-FRAME", stretch.first_frame);
        if let Some(last) = stretch.last_frame {
            push(text, "REELKEEP-LAST-FRAME", last);
        }
        push(text, "REELKEEP-OFFSET", stretch.offset);
        if let Some(bytes) = stretch.bytes {
            push(text, "REELKEEP-PART-BYTES", bytes);
        }
        if let Some(sha256) = stretch.sha256_before {
            push(text, "REELKEEP-SHA256-BEFORE", sha256);
        }
        push(text, "REELKEEP-CRC32C-BEFORE", format!("{:08x}", stretch.crc32c_before));
        text.push_str(
            "REELKEEP-NOTE=An image is its parts in order, each without its first block, put end to end. Restore \
             level 0 first, then each level that builds on it (REELKEEP-BASE), into the same empty directory.\n",
        );
    } else {
        text.push_str(
            "REELKEEP-NOTE=An image is its files in order (CONT_FILENAME names the next), each without its first \
             32 KiB, put end to end: (for f in FILES; do dd if=$f bs=32k skip=1; done) | zstd -dc | tar -xpGf -\n",
        );
    }
}

fn push(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let result = writeln!(text, "{name}={value}");
    debug_assert!(result.is_ok(), "writing to a string does not fail");
}

/// A line that does not stand in the text that it ends.
fn end_marker(text: &str) -> String {
    let mut marker = "ENDDLE".to_owned();
    let mut number = 0;
    while text.lines().any(|line| line == marker) {
        number += 1;
        marker = format!("ENDDLE{number}");
    }
    marker
}

/// How the bytes of an image become files again, behind `dd`.
pub(super) fn pipeline() -> Vec<String> {
    vec![
        format!("{ZSTD} -dc"),
        "tar --numeric-owner --acls --xattrs --xattrs-include='*' -xpGf -".to_owned(),
    ]
}

/// The least of a DLE that Amanda wants to know.
pub(super) fn dle_xml(dle: &DleRef, level: Level) -> String {
    let disk: String = dle.dle.as_str().chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!(
        "<dle>\n  <program>APPLICATION</program>\n  <disk>{disk}</disk>\n  <level>{level}</level>\n  \
         <auth>bsdtcp</auth>\n  <record>YES</record>\n  <index>YES</index>\n  <datapath>AMANDA</datapath>\n  \
         <backup-program>\n    <plugin>amgtar</plugin>\n  </backup-program>\n</dle>"
    )
}

fn plain(c: char) -> bool {
    c.is_ascii_graphic() && !"<>\"&\\'".contains(c)
}
