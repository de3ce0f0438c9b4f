//! Amanda's quoting: a word with anything unusual in it stands in double quotes.

/// The word as it stands in a header or a log.
pub fn quote(word: &str) -> String {
    let unusual = |c: char| ":'\\\"".contains(c) || c <= ' ' || c == '\x7f';
    if !word.is_empty() && !word.contains(unusual) {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len() + 2);
    out.push('"');
    for c in word.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\x0c' => out.push_str("\\f"),
            '\\' | '"' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What a quoted word says; a word that is not quoted says itself. Bytes that are not UTF-8 are replaced.
pub fn unquote(word: &str) -> String {
    let Some(inner) = word.strip_prefix('"') else { return word.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b't') => out.push(b'\t'),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b'f') => out.push(b'\x0c'),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(digit) = bytes.next_if(|b| (b'0'..=b'7').contains(b)) else { break };
                    value = value * 8 + u32::from(digit - b'0');
                }
                out.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The first word of `line` and what follows it, blanks skipped. A quoted word keeps its quotes.
pub(super) fn first_word(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches([' ', '\t']);
    if line.is_empty() {
        return None;
    }
    let mut in_quotes = false;
    let mut escaped = false;
    let end = line.char_indices().find(|&(at, c)| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' if in_quotes => escaped = true,
            '"' if at == 0 || in_quotes => in_quotes = !in_quotes,
            ' ' | '\t' if !in_quotes => return true,
            _ => {}
        }
        false
    });
    Some(line.split_at(end.map_or(line.len(), |(at, _)| at)))
}
