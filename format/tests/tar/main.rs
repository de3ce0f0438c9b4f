//! What the encoder writes, the decoder and the `tar` crate read; what others write, the decoder reads; and
//! nothing that anybody sends makes it fall over.

mod foreign;
mod hostile;
mod properties;

use format::entry::{Entry, Kind};
use format::path::BadPath;
use format::tar::{BLOCK, Decoder, Event, Limits, Problem, encode_header, padding};

/// A member as it comes out of the decoder: an entry with its data, stretches that touch put together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there are few, and tests match on them")]
enum Read {
    Entry(Entry, Vec<(u64, Vec<u8>)>),
    Refused(Vec<u8>, BadPath),
    End,
}

/// Reads a tar in pieces of these lengths, over and over.
fn read(tar: &[u8], pieces: &[usize]) -> Result<Vec<Read>, (u64, Problem)> {
    let mut decoder = Decoder::new(Limits::default());
    let mut members = Vec::new();
    let mut open = false;
    let mut rest = tar;
    for &piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let mut input;
        (input, rest) = rest.split_at(piece.min(rest.len()));
        while let Some(event) = decoder.next(&mut input).map_err(|e| (e.at, e.problem))? {
            match event {
                Event::Entry { entry, data_len } => {
                    assert!(!open);
                    open = true;
                    let stored = entry.sparse.as_ref().map(|s| s.iter().map(|e| e.len).sum());
                    assert_eq!(data_len, stored.unwrap_or(entry.size));
                    members.push(Read::Entry(*entry, Vec::new()));
                }
                Event::Data { at, bytes } => {
                    assert!(open && !bytes.is_empty());
                    let Some(Read::Entry(_, data)) = members.last_mut() else { panic!() };
                    add(data, at, bytes);
                }
                Event::EntryEnd => {
                    assert!(open);
                    open = false;
                }
                Event::Refused { name, why } => members.push(Read::Refused(name, why)),
                Event::End => members.push(Read::End),
            }
        }
        assert!(input.is_empty());
    }
    decoder.finish().map_err(|e| (e.at, e.problem))?;
    Ok(members)
}

fn add(data: &mut Vec<(u64, Vec<u8>)>, at: u64, bytes: &[u8]) {
    match data.last_mut() {
        Some((from, last)) if *from + last.len() as u64 == at => last.extend_from_slice(bytes),
        _ => data.push((at, bytes.to_vec())),
    }
}

fn put(entry: &Entry, data: &[u8], tar: &mut Vec<u8>) {
    encode_header(entry, data.len() as u64, tar);
    tar.extend_from_slice(data);
    tar.resize(tar.len() + padding(data.len() as u64), 0);
}

fn file(path: &str, size: u64) -> Entry {
    let mut entry = Entry::new(path, Kind::File);
    entry.mode = 0o644;
    entry.size = size;
    entry
}

const USTAR: &[u8; 8] = b"ustar\x0000";
const GNU: &[u8; 8] = b"ustar  \0";

/// A header as any program might write it.
fn header(name: &[u8], letter: u8, size: &[u8], magic: &[u8; 8]) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..name.len()].copy_from_slice(name);
    block[124..124 + size.len()].copy_from_slice(size);
    block[156] = letter;
    block[257..265].copy_from_slice(magic);
    mend(&mut block);
    block
}

/// Sets the checksum of a header.
fn mend(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

/// Bytes in whole blocks.
fn blocks(bytes: &[u8]) -> Vec<u8> {
    let mut blocks = bytes.to_vec();
    blocks.resize(bytes.len() + padding(bytes.len() as u64), 0);
    blocks
}
