//! What is wrong with a configuration, said where it is.
//!
//! A [`Complaint`] knows the file, the line and the very characters, says in one sentence what is wrong with
//! them, and if it can, what to write instead. They are collected, never thrown one at a time: whoever
//! mends a configuration sees the whole list. A complaint is printed as one line for logs and editors, or
//! with the line of the file and a mark below it for a person.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, Severity,
    SourceCode, SourceSpan, SpanContents,
};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// The configuration cannot be used.
    Mistake,
    /// It can, and this still looks like a slip.
    Hint,
}

/// One thing that is wrong, where it is, and what would be right.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// How bad it is.
    pub gravity: Gravity,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1. 0: the file as a whole.
    pub line: usize,
    /// The character in that line, from 1. 0: the line or file as a whole.
    pub column: usize,
    /// The bytes of the file.
    pub span: Range<usize>,
    /// What stands there.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub suggestion: Option<String>,
    line_text: Option<LineText>,
}

/// The line that a complaint is about, as miette shows it: the whole line and no other.
#[derive(Clone, Debug)]
struct LineText {
    text: Arc<str>,
    bytes: Range<usize>,
    line: usize,
    file: String,
}

impl SourceCode for LineText {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inside = self.bytes.start <= span.offset() && span.offset() <= self.bytes.end;
        let line = self.text.get(self.bytes.clone()).filter(|_| inside);
        let line = line.ok_or(MietteError::OutOfBounds)?;
        let column =
            self.text.get(self.bytes.start..span.offset()).map_or(0, |t| t.chars().count());
        Ok(Box::new(Located {
            line,
            span: SourceSpan::new(self.bytes.start.into(), line.len()),
            number: self.line - 1,
            column,
            file: &self.file,
        }))
    }
}

/// A line and where it stands.
struct Located<'a> {
    line: &'a str,
    span: SourceSpan,
    number: usize,
    column: usize,
    file: &'a str,
}

impl<'a> SpanContents<'a> for Located<'a> {
    fn data(&self) -> &'a [u8] {
        self.line.as_bytes()
    }

    fn span(&self) -> &SourceSpan {
        &self.span
    }

    fn line(&self) -> usize {
        self.number
    }

    fn column(&self) -> usize {
        self.column
    }

    fn line_count(&self) -> usize {
        1
    }

    fn name(&self) -> Option<&str> {
        Some(self.file)
    }
}

impl Complaint {
    /// About a file as a whole, one that cannot be read for instance.
    pub(crate) fn about_file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            gravity: Gravity::Mistake,
            file: file.to_owned(),
            line: 0,
            column: 0,
            span: 0..0,
            text: String::new(),
            message: message.into(),
            suggestion: None,
            line_text: None,
        }
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

/// As one line: `reelkeep.toml:12:1: unknown key … (did you mean …?)`.
impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        let hint = if self.gravity == Gravity::Hint { "hint: " } else { "" };
        write!(f, " {hint}{}", self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " ({suggestion})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Complaint {}

/// As a picture: the message, the line with a mark, the suggestion.
struct Picture<'a>(&'a Complaint);

impl fmt::Debug for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.line == 0 {
            write!(f, "{}: ", self.0.file.display())?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Picture<'_> {}

impl Diagnostic for Picture<'_> {
    fn severity(&self) -> Option<Severity> {
        self.0.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

impl Diagnostic for Complaint {
    fn severity(&self) -> Option<Severity> {
        Some(match self.gravity {
            Gravity::Mistake => Severity::Error,
            Gravity::Hint => Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.suggestion.as_ref().map(|suggestion| Box::new(suggestion) as Box<_>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.line_text.as_ref().map(|line| line as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.line_text.as_ref()?;
        let label = LabeledSpan::new_with_span(None, self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

/// All that is wrong with a configuration: mistakes and hints, in the order of the files.
#[derive(Debug)]
pub struct Complaints(pub Vec<Complaint>);

impl Complaints {
    /// With the lines of the files and marks below them, for a person.
    pub fn pictures(&self, colour: bool) -> String {
        pictures(&self.0, colour)
    }
}

/// Complaints with the lines of the files and marks below them, for a person.
pub fn pictures(complaints: &[Complaint], colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_context_lines(0);
    let mut text = String::new();
    for complaint in complaints {
        if handler.render_report(&mut text, &Picture(complaint)).is_err() {
            text.push_str(&complaint.to_string());
            text.push('\n');
        }
    }
    text
}

/// One line each, and a line that counts them.
impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for complaint in &self.0 {
            writeln!(f, "{complaint}")?;
        }
        match self.0.iter().filter(|c| c.gravity == Gravity::Mistake).count() {
            1 => f.write_str("the configuration has 1 mistake"),
            mistakes => write!(f, "the configuration has {mistakes} mistakes"),
        }
    }
}

impl std::error::Error for Complaints {}

/// A file of the configuration, with its lines found.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<str>,
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path: path.to_owned(), text: text.into(), line_starts }
    }

    /// Line and character, both from 1.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..byte.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    pub(crate) fn complain(
        &self,
        span: Range<usize>,
        gravity: Gravity,
        message: String,
        suggestion: Option<String>,
    ) -> Complaint {
        let span = self.mended(span);
        let (line, column) = self.position(span.start);
        Complaint {
            gravity,
            file: self.path.clone(),
            line,
            column,
            text: self.text[span.clone()].to_owned(),
            span,
            message,
            suggestion,
            line_text: Some(LineText {
                text: Arc::clone(&self.text),
                bytes: self.line_bytes(line),
                line,
                file: self.path.to_string_lossy().into_owned(),
            }),
        }
    }

    /// Where a line is, without its end.
    fn line_bytes(&self, line: usize) -> Range<usize> {
        let start = self.line_starts[line - 1];
        start..self.text[start..].find(['\n', '\r']).map_or(self.text.len(), |n| start + n)
    }

    /// The part of a span that is on its first line, inside the file and on whole characters: a table's
    /// mistake is shown at its first line.
    fn mended(&self, span: Range<usize>) -> Range<usize> {
        let floor = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = floor(span.start);
        let line = self.text[start..].find(['\n', '\r']).map_or(self.text.len(), |n| start + n);
        start..floor(span.end).clamp(start, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        let source = Source::new(Path::new("f"), "ä = 1\nßx = 2\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(3), (1, 3));
        assert_eq!(source.position(7), (2, 1));
        assert_eq!(source.position(9), (2, 2));
        assert_eq!(source.position(99), (3, 1));
    }

    #[test]
    fn a_complaint_about_many_lines_shows_the_first() {
        let source = Source::new(Path::new("f"), "[a]\nb = 1\n");
        let complaint = source.complain(0..9, Gravity::Mistake, "no".into(), None);
        assert_eq!(complaint.text, "[a]");
        assert_eq!(complaint.to_string(), "f:1:1: no");
    }

    #[test]
    fn spans_outside_the_file_do_no_harm() {
        let source = Source::new(Path::new("f"), "ä");
        for span in [0..1, 1..2, 2..9, 7..8, Range { start: 9, end: 3 }] {
            let complaint = source.complain(span, Gravity::Hint, "x".into(), None);
            assert!(!pictures(&[complaint], false).is_empty());
        }
    }
}
