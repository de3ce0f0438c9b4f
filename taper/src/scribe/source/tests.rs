//! Images that wait in chunks and images that still arrive, read in every way that a scribe does.

use std::fs;

use crossbeam_channel::unbounded;

use super::*;
use crate::rig::MadeUp;

/// The image as chunk files of at most this much.
fn held(directory: &Path, image: &MadeUp, chunk: usize) -> Vec<PathBuf> {
    let chunks = image.bytes.chunks(chunk).enumerate();
    chunks
        .map(|(number, data)| {
            let path = directory.join(format!("chunk.{number}"));
            fs::write(&path, [&vec![b'h'; BlockSize::HEADER.len()], data].concat()).unwrap();
            path
        })
        .collect()
}

fn live(image: &MadeUp, memory: Bytes) -> LiveImage {
    let (sender, receiver) = unbounded();
    let mut rest = &image.bytes[..];
    for frame in image.frames.frames() {
        let (bytes, behind) = rest.split_at(frame.stored as usize);
        sender.send(Arrival::Frame(bytes.to_vec())).unwrap();
        rest = behind;
    }
    sender.send(Arrival::Frame(rest.to_vec())).unwrap();
    sender.send(Arrival::End).unwrap();
    LiveImage::new(receiver, memory)
}

/// All frames from here on, read in pieces.
fn read_all(source: &mut dyn ImageSource) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(length) = source.next_frame().unwrap() {
        assert_eq!(source.next_frame().unwrap(), Some(length), "asking takes nothing");
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        for piece in frame.chunks_mut(1000) {
            source.read(piece).unwrap();
        }
        frames.push(frame);
    }
    frames
}

fn place_of(image: &MadeUp, frame: u32) -> FramePlace {
    let offset = Bytes(image.frames.get(frame).unwrap().offset);
    FramePlace { frame, offset }
}

fn image() -> MadeUp {
    MadeUp::new(1, &[10, 5000, 3000, 1, 70_000])
}

#[test]
fn a_held_image_is_read_across_its_chunks_as_often_as_one_likes() {
    let image = image();
    for chunk in [1 << 20, 20_000, 999] {
        let folder = tempfile::tempdir().unwrap();
        let paths = held(folder.path(), &image, chunk);
        let chunks = Chunks::open(&paths).unwrap();
        assert_eq!(chunks.length(), Bytes::of(image.bytes.len()));
        let mut source = HeldImage::open(chunks).unwrap();
        assert_eq!(*source.frames(), image.frames);
        let all = read_all(&mut source);
        assert_eq!(all.len(), image.frames.len() + 1, "and the contents");
        assert_eq!(all.concat(), image.bytes);
        source.go_to(place_of(&image, 2)).unwrap();
        assert_eq!(read_all(&mut source), all[2..]);
        let wrong = FramePlace { frame: 2, offset: Bytes(1) };
        assert!(source.go_to(wrong).is_err(), "another image has this name now");
    }
}

#[test]
fn a_held_image_that_was_cut_off_or_damaged_is_refused() {
    let image = image();
    let folder = tempfile::tempdir().unwrap();
    let paths = held(folder.path(), &image, 20_000);
    assert!(HeldImage::open(Chunks::open(&paths[..paths.len() - 1]).unwrap()).is_err());
    assert!(HeldImage::open(Chunks::open(&paths[1..]).unwrap()).is_err());
    assert!(HeldImage::open(Chunks::open::<PathBuf>(&[]).unwrap()).is_err());
    let last = paths.last().unwrap();
    let good = fs::read(last).unwrap();
    fs::write(last, &good[..100]).unwrap();
    let error = Chunks::open(&paths).unwrap_err();
    assert!(error.what.contains("chunk."), "{error}");
    let mut bad = good;
    let end = bad.len();
    bad[end - 30] ^= 1;
    fs::write(last, bad).unwrap();
    assert!(HeldImage::open(Chunks::open(&paths).unwrap()).is_err());
}

#[test]
fn an_image_that_arrives_can_be_read_again_until_it_is_placed() {
    let image = image();
    let mut source = live(&image, Bytes::GIB);
    let all = read_all(&mut source);
    assert_eq!(all.concat(), image.bytes);
    source.go_to(place_of(&image, 1)).unwrap();
    assert_eq!(read_all(&mut source), all[1..]);
    source.placed(place_of(&image, 3));
    source.go_to(place_of(&image, 3)).unwrap();
    assert_eq!(read_all(&mut source), all[3..]);
    assert!(source.go_to(place_of(&image, 2)).is_err(), "what is placed is forgotten");
}

#[test]
fn an_image_that_arrives_takes_no_more_memory_than_it_may() {
    let image = image();
    let mut source = live(&image, Bytes(75_000));
    let all = read_all(&mut source);
    assert_eq!(all.concat(), image.bytes, "it is read all the same");
    let error = source.go_to(FramePlace::default()).unwrap_err();
    assert!(error.cause.to_string().contains("remembered"), "{}", error.cause);
    source.go_to(place_of(&image, 4)).unwrap();
}

#[test]
fn a_client_that_stops_sending_leaves_no_whole_image() {
    let (sender, receiver) = unbounded();
    sender.send(Arrival::Frame(vec![1; 10])).unwrap();
    drop(sender);
    let mut source = LiveImage::new(receiver, Bytes::GIB);
    source.read(&mut [0; 5]).unwrap_err();
    assert_eq!(source.next_frame().unwrap(), Some(10));
    source.read(&mut [0; 10]).unwrap();
    let error = source.next_frame().unwrap_err();
    assert!(error.cause.to_string().contains("stopped sending"), "{}", error.cause);
}
