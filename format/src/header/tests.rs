//! Headers of ours and of Amanda's, there and back, and blocks that are neither.

use std::collections::BTreeSet;

use proptest::prelude::*;
use types::Bytes;

use super::*;

fn dle(host: &str, dle: &str) -> DleRef {
    DleRef { host: host.parse().unwrap(), dle: dle.parse().unwrap() }
}

fn stretch() -> Stretch {
    Stretch {
        first_frame: 3,
        last_frame: Some(7),
        offset: 12345,
        bytes: Some(99),
        sha256_before: Some(Digest([0xab; 32])),
        crc32c_before: 0x0000_00ff,
    }
}

fn dump(host: &str, disk: &str, stretch: Option<Stretch>) -> DumpHeader {
    let image = Image {
        stamp: "20261123010203".parse().unwrap(),
        dle: &dle(host, disk),
        level: 3.try_into().unwrap(),
        dump: DumpId([7; 16]),
        base: Some(DumpId([6; 16])),
        raw: Some(Bytes(5000)),
        stored: Some(Bytes(2000)),
        crc32c: Some(0x1234_5678),
    };
    DumpHeader::of(&image, stretch)
}

#[test]
fn a_part_says_what_amanda_expects_to_read() {
    let header = Header::SplitFile {
        part: PartNo(2),
        total: None,
        dump: dump("web", "/srv/da ta", Some(stretch())),
    };
    let block = encode(&header, BlockSize::HEADER).unwrap();
    assert_eq!(block.len(), 32768);
    let text = String::from_utf8(block).unwrap();
    let first = "AMANDA: SPLIT_FILE 20261123010203 web \"/srv/da ta\"  part 2/-1  lev 3 comp cust program APPLICATION \
                 server_custom_compress /usr/bin/zstd\nAPPLICATION=amgtar\nORIGSIZE=5\nSERVER-CRC=12345678:2000\n";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("\n\tdd if=<tape> bs=32k skip=1 | /usr/bin/zstd -dc | tar "), "{text}");
    assert!(text.trim_end_matches('\0').ends_with(" \n\x0c\n"), "{text}");
}

#[test]
fn every_header_reads_back() {
    let start = TapeStart {
        stamp: None,
        label: "DAILY-001".parse().unwrap(),
        block_size: Some(BlockSize::TAPE),
        pool: Some("daily".parse().unwrap()),
    };
    let headers = [
        Header::TapeStart(start),
        Header::TapeEnd,
        Header::Noop,
        Header::File(DumpHeader {
            next_file: Some("/hold/2026 x/a.1".into()),
            ..dump("a", "b", None)
        }),
        Header::ContFile(DumpHeader { partial: true, ..dump("a", "b", None) }),
        Header::SplitFile {
            part: PartNo(1),
            total: Some(4),
            dump: dump("a.example", "日本語", Some(stretch())),
        },
    ];
    for header in headers {
        let block = encode(&header, BlockSize::TAPE).unwrap();
        assert_eq!(decode(&block).unwrap(), header);
    }
}

#[test]
fn a_host_with_blanks_keeps_its_name_in_our_own_lines() {
    let block = encode(&Header::File(dump("two words", "d", None)), BlockSize::HEADER).unwrap();
    let Header::File(read) = decode(&block).unwrap() else { panic!("not a file") };
    assert_eq!(read.host, "two_words");
    assert_eq!(read.ours.unwrap().dle.host.as_str(), "two words");
}

#[test]
fn nothing_is_empty_and_anything_else_is_weird() {
    assert_eq!(decode(b"").unwrap(), Header::Empty);
    assert_eq!(decode(&[0; 512]).unwrap(), Header::Empty);
    assert_eq!(decode(b"ustar  \0").unwrap(), Header::Weird);
    assert_eq!(decode(b"\0\0x").unwrap(), Header::Weird);
    assert_eq!(decode(b"AMANDA: POTATO 1 2 3\n").unwrap(), Header::Weird);
}

#[test]
fn amandas_own_headers_are_read() {
    let text = b"AMANDA: SPLIT_FILE 20261122055237 client-a.example \"a \\\"b\\\" \\303\\274\"  part 5/UNKNOWN  lev 0 \
                 comp .gz program APPLICATION crypt enc server_encrypt /x server_decrypt_option -d\nAPPLICATION=amgtar\n\
                 ORIGSIZE=5400\nNATIVE-CRC=bdaa34a2:5529600\nFUTURE=1\nDLE=<<ENDDLE1\n<dle>\nENDDLE\n</dle>\nENDDLE1\n\
                 To restore, position tape at start of file and run:\n\tdd if=<tape> bs=32k skip=1 | /bin/gzip -dc | \
                 amgtar restore [./file-to-restore]+ \n\x0c\n";
    let Header::SplitFile { part, total, dump } = decode(text).unwrap() else { panic!("no part") };
    assert_eq!((part, total), (PartNo(5), None));
    assert_eq!(dump.disk, "a \"b\" ü");
    assert_eq!(dump.comp, ".gz");
    assert_eq!(dump.word("server_encrypt"), Some("/x"));
    assert_eq!(dump.native_crc, Some((0xbdaa_34a2, 5_529_600)));
    assert_eq!(dump.dle_xml.as_deref(), Some("<dle>\nENDDLE\n</dle>"));
    assert_eq!(dump.pipeline, ["/bin/gzip -dc", "amgtar restore [./file-to-restore]+"]);
    assert_eq!(dump.ours, None);
}

#[test]
fn a_day_of_an_old_program_is_a_stamp() {
    let Header::TapeStart(start) =
        decode(b"AMANDA: TAPESTART DATE 19990102 TAPE OLD-1\n\x0c\n").unwrap()
    else {
        panic!("no label")
    };
    assert_eq!(start.stamp.unwrap().to_string(), "19990102000000");
}

#[test]
fn headers_of_the_future_are_said_to_be_so() {
    let mut newer = dump("a", "b", None);
    newer.ours.as_mut().unwrap().version = VERSION + 1;
    let block = encode(&Header::File(newer), BlockSize::HEADER).unwrap();
    assert!(matches!(decode(&block), Err(HeaderError::Newer(2))));
}

#[test]
fn simple_names_look_as_amandas_do() {
    assert_eq!(
        image_name(&dle("web.example", "/srv/data"), Level::FULL),
        "web.example._srv%2Fdata.0".replace("%2F", "_")
    );
    assert_eq!(image_name(&dle("web", "/srv_data"), Level::FULL), "web._srv%5Fdata.0");
}

#[test]
fn names_that_look_alike_stay_apart() {
    let names = [
        ("a.b", "c"),
        ("a", "b.c"),
        ("a.b", "1"),
        ("a", "b"),
        ("a", "/x_y"),
        ("a", "/x/y"),
        ("a", "/x:y"),
        ("a", "\\x"),
        ("a", "_x"),
        ("a", "/x"),
        ("a", "%5Fx"),
        ("a", "1"),
        ("a", "%31"),
    ];
    let mut seen = BTreeSet::new();
    for (host, name) in names {
        for level in [0, 1, 2] {
            let name = image_name(&dle(host, name), level.try_into().unwrap());
            for file in [name.clone(), format!("{name}.1"), format!("{name}.2")] {
                assert!(seen.insert(file.clone()), "{file}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_header_or_are_refused(bytes: Vec<u8>) {
        drop(decode(&bytes));
    }

    #[test]
    fn a_damaged_header_never_panics(at in 0usize..900, byte: u8) {
        let header = Header::SplitFile { part: PartNo(1), total: None, dump: dump("web", "/srv", Some(stretch())) };
        let mut block = encode(&header, BlockSize::HEADER).unwrap();
        block[at] = byte;
        drop(decode(&block));
    }

    #[test]
    fn quoted_words_come_back(word in "[ -~\t\nü日]{0,40}") {
        prop_assert_eq!(unquote(&quote(&word)), word);
    }

    #[test]
    fn any_disk_name_comes_back(disk in "[^\\p{Cc}]{1,60}") {
        let header = Header::File(dump("web", &disk, None));
        prop_assert_eq!(decode(&encode(&header, BlockSize::HEADER).unwrap()).unwrap(), header);
    }

    #[test]
    fn long_names_stay_short_and_apart(a in "[a-z/_.%]{1,255}", b in "[a-z/_.%]{1,255}") {
        let name = |d: &str| image_name(&dle("host.example", d), Level::FULL);
        prop_assert!(name(&a).len() <= 210);
        prop_assert_eq!(name(&a) == name(&b), a == b);
    }
}
