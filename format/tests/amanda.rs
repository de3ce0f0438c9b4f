//! Headers that Amanda 3.5.1 wrote (the text of each, without the NUL bytes behind it): we read what they
//! say, and what we write of it is the same, byte for byte.

use format::header::{DumpHeader, Header, decode, encode};
use types::{BlockSize, PartNo};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("samples/amanda-3.5.1/", $name))
    };
}

fn dump(text: &[u8]) -> DumpHeader {
    match decode(&block(text)).expect("a header") {
        Header::File(dump) | Header::ContFile(dump) | Header::SplitFile { dump, .. } => dump,
        other => panic!("{other:?}"),
    }
}

fn block(text: &[u8]) -> Vec<u8> {
    let mut block = text.to_vec();
    block.resize(BlockSize::HEADER.len(), 0);
    block
}

#[test]
fn what_is_read_is_written_again_byte_for_byte() {
    let samples: [&[u8]; 5] = [
        sample!("tapestart"),
        sample!("part-client-custom"),
        sample!("part-2-plain"),
        sample!("part-direct"),
        sample!("holding-further"),
    ];
    for text in samples {
        let header = decode(&block(text)).unwrap();
        let again = encode(&header, BlockSize::HEADER).unwrap();
        assert_eq!(String::from_utf8(again), String::from_utf8(block(text)));
    }
}

#[test]
fn first_files_on_a_holding_disk_differ_in_the_block_size_alone() {
    // Amanda writes them again at the end of the dump and then forgets the block size.
    let samples: [&[u8]; 3] =
        [sample!("holding-first"), sample!("holding-encrypted"), sample!("holding-gnutar")];
    for text in samples {
        let header = decode(&block(text)).unwrap();
        let again = String::from_utf8(encode(&header, BlockSize::HEADER).unwrap()).unwrap();
        let text = std::str::from_utf8(text).unwrap();
        assert_eq!(again.trim_end_matches('\0').replace(" bs=32k ", " "), text);
    }
}

#[test]
fn a_label_says_when_and_which() {
    let Header::TapeStart(start) = decode(sample!("tapestart")).unwrap() else { panic!() };
    assert_eq!(start.label.as_str(), "FIXA-001");
    assert_eq!(start.stamp.unwrap().to_string(), "20261122055124");
    assert_eq!((start.block_size, start.pool), (None, None));
}

#[test]
fn a_part_says_which_it_is() {
    let part = decode(sample!("part-2-plain")).unwrap();
    let Header::SplitFile { part, total, dump } = part else { panic!() };
    assert_eq!((part, total), (PartNo(2), None));
    assert_eq!(
        (dump.host.as_str(), dump.disk.as_str()),
        ("client-a.example", "/srv/amdemo/src/docs")
    );
    assert_eq!((dump.level.number(), dump.comp.as_str()), (0, "N"));
    assert_eq!(dump.application.as_deref(), Some("amgtar"));
    assert_eq!(dump.orig_kib, Some(750));
    assert_eq!(dump.native_crc, Some((0xddb3_d730, 768_000)));
    assert_eq!(dump.ours, None);
    let xml = dump.dle_xml.unwrap();
    assert!(xml.starts_with("<dle>\n") && xml.trim_end().ends_with("</dle>"), "{xml}");
}

#[test]
fn filters_and_programs_are_known() {
    let custom = dump(sample!("part-client-custom"));
    assert_eq!(custom.word("client_custom_compress"), Some("/usr/bin/zstd"));
    assert_eq!(custom.pipeline[0], "/usr/bin/zstd -d");
    let secret = dump(sample!("holding-encrypted"));
    assert_eq!(secret.word("crypt"), Some("enc"));
    assert_eq!(secret.word("server_encrypt"), Some("/usr/sbin/amcrypt-ossl"));
    assert_eq!(secret.word("server_decrypt_option"), Some("-d"));
    assert_eq!(secret.pipeline.len(), 3);
    let old = dump(sample!("holding-gnutar"));
    assert_eq!((old.program.as_str(), old.application.as_deref()), ("/bin/tar", None));
}

#[test]
fn the_files_of_an_image_on_a_holding_disk_are_chained() {
    let first = dump(sample!("holding-first"));
    let next = first.next_file.unwrap();
    assert_eq!(next.file_name().unwrap(), "client-a.example.data.0.1");
    let third = dump(sample!("holding-further"));
    assert_eq!(third.next_file.unwrap().file_name().unwrap(), "client-a.example.data.0.3");
}
