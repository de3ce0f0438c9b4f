//! What a command says: facts to standard output, remarks to standard error.

use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Write};

use format::index::{Record, RecordKind};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// Prints text to standard output. A reader that went away (`| head`) is no failure of ours.
pub fn text(text: &str) -> io::Result<()> {
    ignore_gone(io::stdout().lock().write_all(text.as_bytes()))
}

/// The same, and whether there is a reader.
pub fn said(text: &str) -> io::Result<Reader> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Left),
        Err(error) => Err(error),
    }
}

/// Prints a line to standard output.
pub fn line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    ignore_gone(out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")))
}

/// Prints a value as JSON, indented, to standard output.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Prints an array as JSON, indented, to standard output. Each value is made when its turn comes.
pub fn json_array<V: Iterator<Item = Value>>(values: impl Fn() -> V) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = serde_json::to_writer_pretty(&mut out, &Array(values)).map_err(io::Error::from);
    ignore_gone(printed.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

struct Array<F>(F);

impl<V: Iterator<Item = Value>, F: Fn() -> V> Serialize for Array<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Whether anybody still reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// As far as is known.
    Listens,
    /// It had enough (`| head`): what is left need not be found.
    Left,
}

/// Rows that are printed as they are found, however many: lines of text, or the values of a JSON array.
pub struct Rows {
    json: bool,
    first: bool,
}

impl Rows {
    /// Begins the list.
    pub fn begin(json: bool) -> io::Result<Self> {
        if json {
            text("[")?;
        }
        Ok(Self { json, first: true })
    }

    /// Prints one row, in the form that is wanted.
    pub fn row(
        &mut self,
        line: impl FnOnce() -> String,
        value: impl FnOnce() -> Value,
    ) -> io::Result<Reader> {
        let separator = if self.first { "\n" } else { ",\n" };
        self.first = false;
        said(&if self.json { format!("{separator}{}", value()) } else { format!("{}\n", line()) })
    }

    /// Ends the list.
    pub fn end(self) -> io::Result<()> {
        match (self.json, self.first) {
            (false, _) => Ok(()),
            (true, true) => line("]"),
            (true, false) => line("\n]"),
        }
    }
}

/// What a record of an index says, as JSON, without its path.
pub fn entry(record: &Record) -> Value {
    if record.kind == RecordKind::Gone {
        return json!({ "kind": kind(record.kind) });
    }
    json!({
        "kind": kind(record.kind), "mode": format!("{:04o}", record.mode), "uid": record.uid, "gid": record.gid,
        "size": (record.kind == RecordKind::File).then_some(record.size),
        "mtime": record.mtime.seconds, "mtime_nanos": record.mtime.nanos,
    })
}

/// The kind of an entry, in words.
pub fn kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::File => "file",
        RecordKind::Directory => "directory",
        RecordKind::Symlink => "symlink",
        RecordKind::HardLink => "hard link",
        RecordKind::Fifo => "fifo",
        RecordKind::Char => "char",
        RecordKind::Block => "block",
        RecordKind::Gone => "gone",
    }
}

/// Says something to the person at standard error. A bar of progress that stands there makes room, and comes again below.
pub fn remark(text: &str) {
    let mut screen = io::stderr().lock();
    let clear = if screen.is_terminal() { "\r\u{1b}[2K" } else { "" };
    // Nobody is left to tell that standard error is gone.
    drop(writeln!(screen, "{clear}{text}"));
}

/// Rows as a table whose columns are as wide as they need to be. The first row is the heading; columns of
/// `right` stand at the right.
pub fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    Table::new(right).more(rows)
}

/// A table that comes piece by piece: each column is as wide as the rows so far want it.
pub struct Table<'a> {
    right: &'a [usize],
    widths: Vec<usize>,
}

impl<'a> Table<'a> {
    /// A table without rows. The first piece begins with the heading; columns of `right` stand at the right.
    pub fn new(right: &'a [usize]) -> Self {
        Self { right, widths: Vec::new() }
    }

    /// The next rows, as text.
    pub fn more(&mut self, rows: &[Vec<String>]) -> String {
        rows.iter().for_each(|row| self.make_room(row));
        rows.iter().map(|row| self.line(row)).collect()
    }

    /// Makes the columns as wide as this row wants them, which comes later.
    pub fn make_room(&mut self, row: &[String]) {
        self.widths.resize(self.widths.len().max(row.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }

    fn line(&self, row: &[String]) -> String {
        let cells = row.iter().zip(&self.widths).enumerate().map(|(column, (cell, &width))| {
            if self.right.contains(&column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    }
}

/// Bytes of a path as text: what is not UTF-8, and what would move the cursor, is escaped as `\xHH`.
pub fn path(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() => {
                    out.extend(c.to_string().bytes().map(|b| format!("\\x{b:02x}")))
                }
                c => out.push(c),
            }
        }
        out.extend(chunk.invalid().iter().map(|b| format!("\\x{b:02x}")));
    }
    out
}

fn ignore_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let rows =
            [vec!["a".to_owned(), "size".to_owned()], vec!["longer".to_owned(), "1".to_owned()]];
        assert_eq!(table(&rows, &[1]), "a       size\nlonger     1\n");
    }

    #[test]
    fn columns_of_a_table_that_comes_in_pieces_only_grow() {
        let row = |cell: &str| vec![cell.to_owned(), "x".to_owned()];
        let mut table = Table::new(&[0]);
        let pieces = [[row("ab"), row("a")], [row("abcd"), row("")], [row("a"), row("ab")]];
        let told = pieces.map(|piece| table.more(&piece));
        assert_eq!(told, ["ab  x\n a  x\n", "abcd  x\n      x\n", "   a  x\n  ab  x\n"]);
    }

    #[test]
    fn columns_of_which_the_widths_were_asked_before_are_as_in_a_whole_table() {
        let rows = ["ab", "a", "abcd"].map(|cell| vec![cell.to_owned(), "x".to_owned()]);
        let mut pieces = Table::new(&[0]);
        rows.iter().for_each(|row| pieces.make_room(row));
        let told: String = rows.chunks(1).map(|piece| pieces.more(piece)).collect();
        assert_eq!(told, table(&rows, &[0]));
    }

    #[test]
    fn an_array_is_the_same_as_if_all_of_it_were_there() {
        for count in [0, 1, 3] {
            let all: Vec<Value> = (0..count).map(|n| json!({ "n": n })).collect();
            let piecemeal = serde_json::to_string_pretty(&Array(|| all.iter().cloned())).unwrap();
            assert_eq!(piecemeal, serde_json::to_string_pretty(&all).unwrap());
        }
    }

    #[test]
    fn a_path_never_moves_the_cursor() {
        assert_eq!(path(b"caf\xe9\n\x1b[2J\\"), "caf\\xe9\\n\\x1b[2J\\\\");
        assert_eq!(path("日本語".as_bytes()), "日本語");
    }
}
