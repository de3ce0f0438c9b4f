//! Text within so many columns.
//!
//! Columns are counted as a terminal does: a Chinese letter takes two, a combining accent none.

use unicode_width::UnicodeWidthStr;

/// How many columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// The text, filled up with blanks to so many columns.
pub(super) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The text behind blanks, so many columns in all.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Lines of at most `width` columns, the first behind `first`, the others behind as many blanks. A word that is longer
/// than a line has one to itself, and what stands between backticks is a word: paths and commands are copied, and must
/// not be cut.
pub(super) fn paragraph(first: &str, text: &str, width: usize) -> String {
    let indent = columns(first);
    let mut out = first.to_owned();
    let mut at = indent;
    for word in words(text) {
        let wide = columns(word);
        if at > indent && at + 1 + wide > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            at = indent;
        } else if at > indent {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += wide;
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The words of a text; blanks between backticks part none.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '`';
        c.is_whitespace() && !quoted
    })
    .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_take_two_columns_and_accents_none() {
        assert_eq!(left("日本", 6), "日本  ");
        assert_eq!(right("e\u{301}", 3), "  e\u{301}");
        assert_eq!(columns("日本語"), 6);
    }

    #[test]
    fn no_line_is_wider_unless_a_word_is() {
        let text = "one two three four five a-word-that-is-much-longer-than-a-line six";
        let wrapped = paragraph("  - ", text, 20);
        assert_eq!(
            wrapped,
            "  - one two three\n    four five\n    a-word-that-is-much-longer-than-a-line\n    six\n"
        );
    }

    #[test]
    fn a_command_is_not_cut() {
        let wrapped = paragraph("", "now type `one two three`, or `leave it", 16);
        assert_eq!(wrapped, "now type\n`one two three`,\nor `leave it\n");
    }
}
