//! What an index costs: bytes an entry, time to write, to find, to list and to read it all.
//!
//! `cargo bench -p format --bench index` prints the figures; it checks nothing but that the answers are right.
//! Times are those of the processor and of one thread (Linux), so that whatever else the machine does hardly counts; the
//! listing of the root, which several threads do, is timed by the wall clock.

#![expect(clippy::print_stdout, reason = "printing figures is what this program is for")]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use format::index::{Reader, Record, RecordKind, Writer, merge};
use types::FileTime;

const ENTRIES: usize = 1_000_000;

/// The time that this thread has spent on a processor.
struct Clock(Duration);

impl Clock {
    fn now() -> Self {
        let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let nanos = times.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Self(Duration::from_nanos(nanos.unwrap_or(0)))
    }

    fn elapsed(&self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

/// Numbers without a pattern, always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

const WORDS: [&str; 16] = [
    "share",
    "locale",
    "python3",
    "dist-packages",
    "include",
    "linux",
    "drivers",
    "modules",
    "doc",
    "lib",
    "examples",
    "tests",
    "README",
    "Makefile",
    "images",
    "config",
];

/// A tree like a file server's: directories of some forty names, four to eight deep, and one of 10 000.
/// Sizes, times and inode order have no pattern.
fn tree() -> Vec<Record> {
    let mut dice = Dice(7);
    let mut records = vec![Record { mode: 0o755, ..Record::new("", RecordKind::Directory) }];
    let mut open = vec![String::new()];
    while records.len() < ENTRIES {
        let at = usize::try_from(dice.roll(open.len() as u64)).unwrap_or(0);
        let dir = open.swap_remove(at);
        let width = if records.len() == 1 { 10_000 } else { 20 + dice.roll(40) };
        for i in 0..width {
            let word = WORDS[usize::try_from(dice.roll(16)).unwrap_or(0)];
            let slash = if dir.is_empty() { "" } else { "/" };
            let path = format!("{dir}{slash}{word}-{:04}{}", dice.roll(10_000), i);
            let is_directory = dice.roll(20) == 0 || (dir.is_empty() && i < 200);
            if is_directory && path.matches('/').count() < 8 {
                open.push(path.clone());
                records.push(Record { mode: 0o755, ..Record::new(path, RecordKind::Directory) });
            } else {
                let kind = if dice.roll(30) == 0 { RecordKind::Symlink } else { RecordKind::File };
                let size = 1 << dice.roll(20);
                let size = if kind == RecordKind::File { size + dice.roll(size) } else { 0 };
                records.push(Record { mode: 0o644, size, ..Record::new(path + ".conf", kind) });
            }
        }
        if open.is_empty() {
            open.push(format!("more{}", records.len()));
        }
    }
    records.sort_by(|a, b| format::path::compare(&a.path, &b.path));
    records.dedup_by(|a, b| a.path == b.path);
    place(&mut records, &mut dice);
    records
}

/// Gives each record owner, time and place as a dump would.
fn place(records: &mut [Record], dice: &mut Dice) {
    let (mut frame, mut offset) = (0, 0);
    for record in records {
        record.uid = 1000 + u32::try_from(dice.roll(3)).unwrap_or(0);
        record.gid = 100;
        let seconds = 1_700_000_000 + i64::try_from(dice.roll(50_000_000)).unwrap_or(0);
        record.mtime =
            FileTime { seconds, nanos: u32::try_from(dice.roll(1_000_000_000)).unwrap_or(0) };
        record.raw_len = record.size.next_multiple_of(512) + 1536;
        record.frame = frame;
        record.offset = offset;
        offset += u32::try_from(record.raw_len).unwrap_or(0);
        if offset > 4 << 20 {
            (frame, offset) = (frame + 1, 0);
        }
    }
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut writer = Writer::new().expect("a writer");
    let mut bytes = Vec::new();
    for record in records {
        bytes.extend(writer.push(record).expect("in order").unwrap_or_default());
    }
    bytes.extend(writer.finish().expect("the rest"));
    bytes
}

fn main() {
    let records = tree();
    let start = Clock::now();
    let bytes = write(&records);
    let wrote = start.elapsed();
    let count = records.len();
    let paths: usize = records.iter().map(|record| record.path.len()).sum();
    println!("{count} entries, {:.1} bytes of path each", paths as f64 / count as f64);
    println!(
        "index       {} bytes, {:.2} an entry",
        bytes.len(),
        bytes.len() as f64 / count as f64
    );
    println!(
        "write       {:.2} s, {:.0} ns an entry",
        wrote.as_secs_f64(),
        wrote.as_nanos() as f64 / count as f64
    );

    floor(&bytes);
    let start = Clock::now();
    let reader = Reader::open(bytes).expect("an index");
    println!("open        {:?}", start.elapsed());

    let mut dice = Dice(11);
    let wanted: Vec<_> = (0..2000)
        .map(|_| &records[usize::try_from(dice.roll(count as u64)).unwrap_or(0)])
        .collect();
    let start = Clock::now();
    for record in &wanted {
        assert_eq!(reader.find(&record.path).expect("readable").as_ref(), Some(*record));
    }
    println!("find        {:.1} µs", start.elapsed().as_secs_f64() * 1e6 / 2000.0);

    lists(&reader, &records);

    let start = Clock::now();
    assert_eq!(reader.iter().count(), count);
    println!("read all    {:.2} s", start.elapsed().as_secs_f64());
    let start = Clock::now();
    reader.verify().expect("undamaged");
    println!("verify      {:.2} s", start.elapsed().as_secs_f64());
    chain(reader, &records);
}

/// What zstd alone takes: no reader can be faster.
fn floor(bytes: &[u8]) {
    let mut decoder = format::frame::Decoder::new();
    let mut raw = Vec::new();
    let (mut at, mut blocks, mut opened) = (16, 0_u32, 0);
    let start = Clock::now();
    loop {
        let length = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let (stored, len) = (length(at) as usize, length(at + 4));
        if stored == 0 {
            break;
        }
        decoder.decode(&bytes[at + 8..at + 8 + stored], len, &mut raw).expect("undamaged");
        at += 8 + stored;
        blocks += 1;
        opened += raw.len();
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(blocks);
    println!("zstd alone  {each:.1} µs a block of {:.0} bytes", opened as f64 / f64::from(blocks));
}

fn lists(reader: &Reader<Vec<u8>>, records: &[Record]) {
    let dirs: Vec<_> = records.iter().filter(|r| r.kind == RecordKind::Directory).collect();
    let mut slowest = (Duration::ZERO, 0, String::new());
    let begin = Clock::now();
    for dir in &dirs {
        let start = Clock::now();
        let children = black_box(reader.list(&dir.path).expect("readable")).len();
        let took = start.elapsed();
        if took > slowest.0 {
            slowest = (took, children, String::from_utf8_lossy(&dir.path).into_owned());
        }
    }
    let mean = begin.elapsed().as_secs_f64() * 1e6 / dirs.len() as f64;
    println!("list        {mean:.1} µs in the mean of all {} directories", dirs.len());
    println!("slowest     {:?} for {} children of {:?}", slowest.0, slowest.1, slowest.2);
    let before = ticks();
    let walls = (0..100).map(|_| {
        let start = Instant::now();
        black_box(reader.list(b"").expect("readable"));
        start.elapsed()
    });
    let best = walls.min().unwrap_or_default();
    // A tick is 10 ms, so a hundredth of a hundred listings is 0.1 ms.
    let each = (ticks() - before) as f64 / 10.0;
    println!(
        "root        {each:.1} ms of all threads together, {best:?} by the wall clock at best"
    );
}

/// The time that all threads of this process have spent on processors, in hundredths of a second.
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let fields = behind.split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// A second level with every thousandth record changed.
fn chain(full: Reader<Vec<u8>>, records: &[Record]) {
    let changed: Vec<_> = records.iter().step_by(1000).cloned().collect();
    let chain = [full, Reader::open(write(&changed)).expect("an index")];
    let start = Clock::now();
    assert_eq!(merge::Merge::new(&chain).expect("readable").count(), records.len());
    println!("merge of 2  {:.2} s", start.elapsed().as_secs_f64());
    let start = Clock::now();
    let children = merge::list(&chain, b"").expect("readable").len();
    println!("merged list {:?} for {children} children of the root", start.elapsed());
}
