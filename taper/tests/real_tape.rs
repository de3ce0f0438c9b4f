//! Volumes on tape, between us and Debian's Amanda 3.5: each reads what the other wrote, through st.
//!
//! They run in the machine of `buildbot/tapevm`, as root, each with a blank cartridge of its own.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use devices::st::StDrive;
use format::frame::{FrameKind, FrameTable, digest};
use taper::clerk;
use taper::mount::{Appending, Identified, Loaded, Reached};
use taper::scribe::{Chunks, HeldImage, Job, write_image};
use types::{BlockSize, Bytes, DleRef, FileNo, Stamp};

#[path = "../examples/throughput/one_volume.rs"]
mod one_volume;

use one_volume::OneVolume;

const CHANGER: &str = "/dev/tapevm/changer";
const DRIVE: &str = "/dev/tapevm/drive0";

/// Runs a line of shell, which must succeed.
fn shell(line: &str) -> String {
    let done = Command::new("bash")
        .args(["-o", "pipefail", "-c", line])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [said, complained] =
        [done.stdout, done.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    assert!(done.status.success(), "{line}\n{said}{complained}");
    said
}

/// Puts the cartridge of this slot into the drive. Two filemarks are as good as nothing, and spare tgt to be read
/// at the end of data, which it cannot.
fn load_blank(slot: u32) {
    shell(&format!(
        "if mtx -f {CHANGER} status | grep -q 'Element 0:Full'; then
           sg_raw {DRIVE}-sg 1b 0 0 0 0 0; mtx -f {CHANGER} unload
         fi
         mtx -f {CHANGER} load {slot} 0
         mt -f {DRIVE} rewind && mt -f {DRIVE} weof 2 && mt -f {DRIVE} rewind"
    ));
}

fn open(block: BlockSize) -> StDrive {
    StDrive::new("st".parse().unwrap(), Path::new(DRIVE), block).unwrap()
}

/// An image of so many frames in a file, as the holding disk has it: a header, and then the image.
fn image(path: &Path, frames: usize, dle: &DleRef, run: Stamp) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut table = FrameTable::new();
    for number in 0..frames {
        let byte = |i: usize| (i.wrapping_mul(31) >> 3).to_le_bytes()[0] ^ number.to_le_bytes()[0];
        let frame: Vec<u8> = (0..700_001).map(byte).collect();
        let length = u32::try_from(frame.len()).unwrap();
        table.push(FrameKind::B, length, length, digest(&frame));
        bytes.extend_from_slice(&frame);
    }
    bytes.extend_from_slice(&one_volume::end(dle, run, table).unwrap());
    let mut file = File::create(path).unwrap();
    file.write_all(&[0; 32 << 10]).unwrap();
    file.write_all(&bytes).unwrap();
    bytes
}

/// Writes an image in parts of 2 MiB on the blank cartridge in the drive, and gives what was written.
fn write_volume(operator: &mut OneVolume<StDrive>) -> Vec<u8> {
    let dle = DleRef { host: "web".parse().unwrap(), dle: "/srv".parse().unwrap() };
    let path = Path::new("/tmp/image");
    let bytes = image(path, 10, &dle, operator.stamp);
    let mut source = HeldImage::open(Chunks::open(&[path]).unwrap()).unwrap();
    let header = one_volume::image(&dle, operator.stamp);
    let job = Job { image: header, part_size: Some(Bytes(2 << 20)), commit_every: Bytes(4 << 20) };
    let done = write_image(&job, &mut source, Reached::beginning(), None, operator).unwrap();
    operator.drive = done.volume.map(Appending::into_drive);
    bytes
}

/// Amanda's places that are not writable here, made anew, and its configuration `tape`.
fn amanda(drive: &str, block: BlockSize) {
    let kib = block.len() >> 10;
    shell(
        "for d in /etc/amanda /var/lib/amanda /var/log/amanda; do mountpoint -q $d || mount -t tmpfs tmpfs $d; done
         mkdir -p /etc/amanda/tape /tmp/am/{curinfo,log,index,holding}
         echo 127.0.0.1 localhost tapevm > /tmp/hosts; mount --bind /tmp/hosts /etc/hosts
         touch /tmp/am/tapelist /etc/amanda/tape/disklist /var/lib/amanda/amandates",
    );
    let text = format!(
        r#"org "tape"
mailto ""
dumpuser "backup"
inparallel 1
infofile "/tmp/am/curinfo"
logdir "/tmp/am/log"
indexdir "/tmp/am/index"
tapelist "/tmp/am/tapelist"
tpchanger "chg-single:tape:{drive}"
labelstr "^AM-[0-9]*$"
autolabel "AM-%%" empty volume-error
tapetype TAPE
send-amreport-on never
define tapetype TAPE {{
  length 60 mbytes
  blocksize {kib} kbytes
  readblocksize {kib} kbytes
}}
define holdingdisk hd {{
  directory "/tmp/am/holding"
  use 100 mbytes
}}
holdingdisk hd
define dumptype plain {{
  program "GNUTAR"
  index no
  compress none
}}
"#
    );
    fs::write("/etc/amanda/tape/amanda.conf", text).unwrap();
    fs::write("/etc/amanda/tape/disklist", "tapevm /tmp/tree plain\n").unwrap();
    shell(&format!(
        "chown -R backup:backup /tmp/am /etc/amanda /var/lib/amanda /var/log/amanda; chmod 666 {drive}"
    ));
}

/// Puts a dump of `/tmp/tree` on Amanda's holding disk, as its dumper would have, with the header that
/// `docs/FORMAT.md` describes. (A whole `amdump` wants the network's ports.)
fn hold_the_tree() {
    let header = b"AMANDA: FILE 20261126000000 tapevm /tmp/tree  lev 0 comp N program /bin/tar\n\
        CONT_FILENAME=\nTo restore, position tape at start of file and run:\n\
        \tdd if=<tape> bs=32k skip=1 | /bin/tar -xpGf - ...\n\x0c\n";
    let mut dump = vec![0; 32 << 10];
    dump[..header.len()].copy_from_slice(header);
    shell("tar -cf /tmp/tree.tar -C /tmp/tree .");
    dump.extend(fs::read("/tmp/tree.tar").unwrap());
    shell("mkdir -p /tmp/am/holding/20261126000000");
    fs::write("/tmp/am/holding/20261126000000/tapevm._tmp_tree.0", dump).unwrap();
    shell("chown -R backup:backup /tmp/am/holding; chmod -R go-rwx /tmp/am/holding");
}

fn as_backup(line: &str) -> String {
    shell(&format!("runuser -u backup -- bash -o pipefail -c 'cd /tmp/am; {line}'"))
}

/// In the tape machine.
mod tape_vm {
    use super::*;

    #[test]
    #[ignore = "needs a tape library and Debian's Amanda: buildbot/run runs it in the tape machine"]
    fn amanda_reads_a_tape_that_we_wrote() {
        load_blank(2);
        let mut operator =
            OneVolume::new("R-1".parse().unwrap(), "20261123020304".parse().unwrap());
        operator.drive = Some(open(BlockSize::TAPE));
        let bytes = write_volume(&mut operator);
        let parts = operator.parts.clone();
        assert!(parts.len() > 3, "the image has several parts");
        let mut read = Vec::new();
        let volume = clerk::copy_image(&parts, None, &mut operator, &mut |part| {
            read.extend_from_slice(part);
            Ok(())
        });
        drop(volume.unwrap());
        assert!(read == bytes, "we read what we wrote");

        amanda(DRIVE, BlockSize::TAPE);
        let (mut given, block) = (Vec::new(), BlockSize::TAPE.len());
        for part in &parts {
            let file = part.file.0;
            as_backup(&format!("amrestore -b {block} -r -p -f {file} tape:{DRIVE} web > part"));
            // Raw: its header first. The last block was filled up, and Amanda does not know with what.
            let raw = fs::read("/tmp/am/part").unwrap();
            let length = usize::try_from(part.bytes.0).unwrap();
            given.extend_from_slice(&raw[32 << 10..][..length]);
        }
        assert!(given == bytes, "Amanda reads what we wrote");
    }

    #[test]
    #[ignore = "needs a tape library and Debian's Amanda: buildbot/run runs it in the tape machine"]
    fn we_read_a_tape_that_amanda_wrote() {
        load_blank(3);
        fs::create_dir_all("/tmp/tree/below").unwrap();
        let big: Vec<u8> = (0..3_000_000_u32).flat_map(|i| i.to_le_bytes()).collect();
        fs::write("/tmp/tree/big", &big).unwrap();
        fs::write("/tmp/tree/below/small", "small\n").unwrap();
        amanda(DRIVE, BlockSize::HEADER);
        as_backup("amlabel -f tape AM-01");
        hold_the_tree();
        as_backup("amflush -b -f tape || (cat log/log.*; false)");

        let mounted = match Loaded::new(open(BlockSize::HEADER)).identify().unwrap() {
            Identified::Labelled(mounted) => mounted,
            other => panic!("{other:?} is no volume of Amanda"),
        };
        assert_eq!(mounted.label().as_str(), "AM-01");
        let (_, archive) = clerk::read_file(mounted, FileNo(1), Bytes(64 << 20)).unwrap();
        fs::write("/tmp/archive", archive).unwrap();
        shell(
            "mkdir -p /tmp/given && tar -xf /tmp/archive -C /tmp/given && diff -r /tmp/tree /tmp/given",
        );
    }
}
