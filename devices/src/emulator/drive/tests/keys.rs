//! Encryption in the drive.

use super::{Bench, THEM, noise, read, said};
use crate::emulator::bytes::field;
use crate::emulator::{DriveModel, Generation, Setup};

/// Set Data Encryption: scope, encryption, decryption, the byte that a key is made of, a key identifier.
fn set(scope: u8, modes: (u8, u8), key: u8, flags: u8) -> Vec<u8> {
    let mut list = vec![0, 0x10, 0, 0, scope << 5, flags, modes.0, modes.1, 1, 0];
    list.extend([0; 8]);
    list.extend([0, 32]);
    list.extend([key; 32]);
    list.extend([0, 0, 0, 4]);
    list.extend(b"key");
    list.push(key);
    let length = u8::try_from(list.len() - 4).unwrap();
    list[3] = length;
    list
}

fn send(bench: &Bench, list: &[u8]) {
    bench.ok(&out(list), list, 0);
}

fn out(list: &[u8]) -> [u8; 12] {
    [0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, u8::try_from(list.len()).unwrap(), 0, 0]
}

fn page(bench: &Bench, page: u8) -> Vec<u8> {
    bench.ok(&[0xa2, 0x20, 0, page, 0, 0, 0, 0, 1, 0, 0, 0], &[], 256)
}

/// A plain block, then a sealed one.
fn sealed() -> Bench {
    let bench = Bench::lto8();
    bench.write(&noise(0, 100));
    send(&bench, &set(2, (2, 3), 7, 0));
    bench.write(&noise(1, 100));
    bench.flush();
    bench.rewind();
    bench
}

#[test]
fn who_has_the_key_reads() {
    let bench = sealed();
    assert_eq!([bench.read(100), bench.read(100)], [noise(0, 100), noise(1, 100)]);
    let status = page(&bench, 0x20);
    assert_eq!((status[4] >> 5, status[5], status[6], field(&status, 8, 4)), (2, 2, 3, 1));
}

#[test]
fn who_has_none_or_another_does_not() {
    let bench = sealed();
    send(&bench, &set(2, (0, 0), 0, 0));
    bench.read(100);
    assert_eq!(bench.fails(&read(100), &[], 100), said(7, (0xef, 0x10), 0, 100));
    assert_eq!(bench.position().0, 1, "it stands before the block");
    send(&bench, &set(2, (2, 2), 8, 0));
    assert_eq!(bench.fails(&read(100), &[], 100).code, (0x74, 3));
    bench.rewind();
    assert_eq!(
        bench.fails(&read(100), &[], 100).code,
        (0x74, 2),
        "only encrypted blocks are asked for"
    );
}

#[test]
fn other_makers_say_it_by_the_book() {
    let tape = super::tape(Generation::Lto8);
    let bench = Bench::new(Setup::of(&DriveModel::hp(Generation::Lto8), 1, 0, 0).with(tape));
    send(&bench, &set(2, (2, 3), 7, 0));
    bench.write(&noise(1, 100));
    bench.rewind();
    send(&bench, &set(2, (0, 0), 0, 0));
    assert_eq!(bench.fails(&read(100), &[], 100).code, (0x74, 1));
}

#[test]
fn the_next_block_tells_its_key_before_it_is_read() {
    let bench = sealed();
    assert_eq!(page(&bench, 0x21)[12] & 0x0f, 3);
    bench.read(100);
    let next = page(&bench, 0x21);
    assert_eq!((field(&next, 4, 8), next[12] & 0x0f), (1, 5));
    assert_eq!(next[16..], [&[0, 1, 0, 4][..], b"key\x07"].concat());
    send(&bench, &set(2, (0, 0), 0, 0));
    assert_eq!(page(&bench, 0x21)[12] & 0x0f, 6);
}

#[test]
fn a_reset_takes_the_key_and_so_does_a_demount_if_asked() {
    let bench = sealed();
    bench.library.reset(super::DRIVE);
    bench.settle(super::US);
    assert_eq!(page(&bench, 0x20)[4..7], [0, 0, 0]);
    send(&bench, &set(2, (2, 3), 7, 0x04));
    bench.ok(&[0x1b, 0, 0, 0, 0, 0], &[], 0);
    assert_eq!(page(&bench, 0x20)[5], 0);
}

#[test]
fn another_initiator_that_sets_a_key_for_all_is_noticed() {
    let bench = sealed();
    bench.settle(THEM);
    let list = set(2, (0, 0), 0, 0);
    bench.run(THEM, &out(&list), &list, 0);
    assert_eq!(bench.fails(&[0; 6], &[], 0), said(6, (0x2a, 0x11), 0, None));
}

#[test]
fn wrong_parameters_are_named() {
    let bench = Bench::lto8();
    let mut index = set(2, (2, 3), 7, 0);
    index[8] = 0;
    assert_eq!(bench.fails(&out(&index), &index, 0).code, (0x26, 0));
    let blind = set(2, (2, 0), 7, 0);
    assert_eq!(bench.fails(&out(&blind), &blind, 0).code, (0x26, 0));
    let short = &set(2, (2, 3), 7, 0)[..30];
    assert_eq!(bench.fails(&out(short), short, 0).code, (0x1a, 0));
}

#[test]
fn capabilities_name_the_algorithm() {
    let capabilities = page(&Bench::lto8(), 0x10);
    assert_eq!((capabilities[20], field(&capabilities, 22, 2)), (1, 20));
    assert_eq!((field(&capabilities, 30, 2), field(&capabilities, 40, 4)), (32, 0x0001_0014));
}
