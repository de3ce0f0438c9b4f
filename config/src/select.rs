//! Which DLEs a command line names: `[HOST [DLE…]]…` with Amanda's match expressions.
//!
//! An expression is made of words, separated by `.` in hosts and by `/` in DLEs, and matches any run of whole
//! words: `web` matches `web` and `web.example.org`, and not `webmail`. In a word `?` is one character, `*`
//! any number, `[…]` and `[!…]` one of some; `**` runs over words. `^` and `$` bind to the beginning and the
//! end. A leading `=` takes the rest as it stands. Hosts are compared without regard to case. A DLE is
//! named by its name or by its path.
//!
//! A word that names a host begins a new group; a word that could be a host or a DLE of the host before
//! is refused rather than guessed.

use regex::{Regex, RegexBuilder};
use types::DleRef;

use crate::model::{Config, Dle};

/// A command line that names no DLEs, or none for certain.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The first word has to be a host.
    #[error("no host matches {word:?}: the hosts are {hosts}")]
    NoHost {
        /// The word.
        word: String,
        /// The hosts there are.
        hosts: String,
    },
    /// A later word is neither.
    #[error("{word:?} matches no DLE of {host:?} and no host: the DLEs are {dles}")]
    Nothing {
        /// The word.
        word: String,
        /// The host expression before it.
        host: String,
        /// The DLEs of the hosts that it matches.
        dles: String,
    },
    /// A later word is both.
    #[error(
        "{word:?} matches a DLE of {host:?} and a host, too: write \"={word}\" or give the whole name"
    )]
    Both {
        /// The word.
        word: String,
        /// The host expression before it.
        host: String,
    },
    /// Brackets that do not close, for instance.
    #[error(
        "{0:?} cannot be understood as an expression: put \"=\" before it to take it as it stands"
    )]
    Expression(String),
}

/// The DLEs that a command line names, in the order of the configuration. No words name all.
pub fn select<'c>(config: &'c Config, words: &[String]) -> Result<Vec<&'c Dle>, SelectError> {
    let mut wanted = vec![words.is_empty(); config.dles.len()];
    let mut group: Option<Group<'_>> = None;
    for word in words {
        let host = Host::new(word)?;
        let is_host = config.dles.iter().any(|dle| host.matches(dle));
        let dles = match &group {
            Some(group) => group.dles(config, word)?,
            None => Vec::new(),
        };
        match (is_host, dles.as_slice(), &mut group) {
            (true, [], _) => {
                if let Some(whole) = group.filter(|group| !group.narrowed) {
                    whole.mark_all(config, &mut wanted);
                }
                group = Some(Group { word, host, narrowed: false });
            }
            (true, [_, ..], Some(group)) => {
                return Err(SelectError::Both { word: word.clone(), host: group.word.to_owned() });
            }
            (false, [_, ..], Some(group)) => {
                group.narrowed = true;
                dles.iter().for_each(|n| wanted[*n] = true);
            }
            (false, _, Some(group)) => return Err(group.nothing(config, word)),
            (_, _, None) => {
                return Err(SelectError::NoHost { word: word.clone(), hosts: hosts(config) });
            }
        }
    }
    if let Some(whole) = group.filter(|group| !group.narrowed) {
        whole.mark_all(config, &mut wanted);
    }
    Ok(config.dles.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(dle, _)| dle).collect())
}

/// The DLEs that `HOST [DLE…]` means, going by their names alone: for those that the configuration may no longer have.
/// The expressions are prepared once, which takes longer than thousands of names.
#[derive(Debug)]
pub struct Named(Option<Expressions>);

/// A word that is no expression means nothing.
#[derive(Debug)]
struct Expressions {
    host: Option<Matcher>,
    dles: Vec<Option<Matcher>>,
}

impl Named {
    /// What the words mean. Without words it is every DLE.
    pub fn of(words: &[String]) -> Self {
        Self(words.split_first().map(|(host, dles)| Expressions {
            host: Matcher::new(host, '.').ok(),
            dles: dles.iter().map(|dle| Matcher::new(dle, '/').ok()).collect(),
        }))
    }

    /// Whether they mean this one.
    pub fn means(&self, dle: &DleRef) -> bool {
        let Some(Expressions { host, dles }) = &self.0 else { return true };
        let matches = |matcher: &Matcher| matcher.matches(dle.dle.as_str());
        host.as_ref().is_some_and(|host| host.matches(dle.host.as_str()))
            && (dles.is_empty() || dles.iter().flatten().any(matches))
    }
}

/// A host expression and the words behind it.
struct Group<'w> {
    word: &'w str,
    host: Host,
    /// Whether a DLE was named.
    narrowed: bool,
}

impl Group<'_> {
    /// The DLEs of its hosts that a word matches.
    fn dles(&self, config: &Config, word: &str) -> Result<Vec<usize>, SelectError> {
        let matcher = Matcher::new(word, '/')?;
        let matches = |dle: &Dle| {
            self.host.matches(dle)
                && (matcher.matches(dle.name.as_str())
                    || dle.path.to_str().is_some_and(|path| matcher.matches(path)))
        };
        let all = config.dles.iter().enumerate();
        Ok(all.filter(|(_, dle)| matches(dle)).map(|(n, _)| n).collect())
    }

    fn mark_all(&self, config: &Config, wanted: &mut [bool]) {
        for (dle, wanted) in config.dles.iter().zip(wanted) {
            *wanted |= self.host.matches(dle);
        }
    }

    fn nothing(&self, config: &Config, word: &str) -> SelectError {
        let names =
            config.dles.iter().filter(|dle| self.host.matches(dle)).map(|dle| dle.name.as_str());
        SelectError::Nothing {
            word: word.to_owned(),
            host: self.word.to_owned(),
            dles: shortened(names),
        }
    }
}

/// The hosts there are, for an error message.
fn hosts(config: &Config) -> String {
    let mut hosts: Vec<&str> = Vec::new();
    for dle in &config.dles {
        if !hosts.contains(&dle.host.as_str()) && hosts.len() < 20 {
            hosts.push(dle.host.as_str());
        }
    }
    shortened(hosts.into_iter())
}

/// The first few of some names.
fn shortened<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const SHOWN: usize = 12;
    let mut names: Vec<&str> = names.take(SHOWN + 1).collect();
    if names.len() > SHOWN {
        names.truncate(SHOWN);
        names.push("…");
    }
    names.join(", ")
}

/// A host expression.
struct Host(Matcher);

impl Host {
    fn new(word: &str) -> Result<Self, SelectError> {
        Matcher::new(word, '.').map(Self)
    }

    fn matches(&self, dle: &Dle) -> bool {
        self.0.matches(dle.host.as_str())
    }
}

/// An expression of words.
#[derive(Debug)]
enum Matcher {
    Exact { text: String, any_case: bool },
    Words(Regex),
}

impl Matcher {
    fn new(word: &str, separator: char) -> Result<Self, SelectError> {
        let any_case = separator == '.';
        if let Some(exact) = word.strip_prefix('=') {
            return Ok(Self::Exact { text: exact.to_owned(), any_case });
        }
        if word.len() == 1 && word.starts_with(separator) {
            return Ok(Self::Exact { text: word.to_owned(), any_case });
        }
        let bad = || SelectError::Expression(word.to_owned());
        if word.is_empty() || word.len() > 4096 {
            return Err(bad());
        }
        let pattern = pattern(word, separator).ok_or_else(bad)?;
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(any_case)
            .dot_matches_new_line(true)
            .size_limit(1 << 20)
            .build();
        regex.map(Self::Words).map_err(|_| bad())
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact { text, any_case: true } => text.eq_ignore_ascii_case(name),
            Self::Exact { text, any_case: false } => text == name,
            Self::Words(regex) => regex.is_match(name),
        }
    }
}

/// The regular expression of an expression. `None`: a bracket does not close.
fn pattern(word: &str, separator: char) -> Option<String> {
    let (from_start, rest) = match word.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (to_end, body) = match rest.strip_suffix('$') {
        Some(body) if !body.ends_with('\\') => (true, body),
        _ => (false, rest),
    };
    // `/opt/` is `/opt` and what is below.
    let body =
        body.strip_suffix(separator).filter(|short| !to_end && !short.is_empty()).unwrap_or(body);
    let sep = regex::escape(&separator.to_string());
    let mut pattern = match (from_start, body.starts_with(separator)) {
        (true, _) => "^".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!("(?:^|{sep})"),
    };
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                pattern.push_str(".*");
            }
            '*' => pattern.push_str(&format!("[^{sep}]*")),
            '?' => pattern.push_str(&format!("[^{sep}]")),
            '[' => pattern.push_str(&class(&mut chars)?),
            '\\' => pattern.push_str(&regex::escape(&chars.next()?.to_string())),
            plain => pattern.push_str(&regex::escape(&plain.to_string())),
        }
    }
    pattern.push_str(&if to_end { "$".to_owned() } else { format!("(?:{sep}|$)") });
    Some(pattern)
}

/// The rest of `[a-z]` or `[!a-z]`.
fn class(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut inside = String::new();
    loop {
        match chars.next()? {
            ']' if !inside.is_empty() => break,
            c => inside.push(c),
        }
    }
    let (not, members) = match inside.strip_prefix(['!', '^']) {
        Some(members) if !members.is_empty() => ("^", members),
        _ => ("", inside.as_str()),
    };
    let escape = |c: char| match c {
        '-' => "-".to_owned(),
        c if c.is_alphanumeric() => c.to_string(),
        c => format!("\\{c}"),
    };
    let members: String = members.chars().map(escape).collect();
    Some(format!("[{not}{members}]"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    fn matches(word: &str, separator: char, name: &str) -> bool {
        Matcher::new(word, separator).unwrap().matches(name)
    }

    #[test]
    fn host_expressions_are_whole_words() {
        // From amanda-match(7).
        let table = [
            ("hosta", "hosta", true),
            ("hosta", "foo.hosta.org", true),
            ("hosta", "hoSTA.dOMAIna.ORG", true),
            ("hosta", "hostb", false),
            ("host", "hosta", false),
            ("host?", "hosta", true),
            ("ho*na", "hoina", true),
            ("ho*na", "ho.aina.org", false),
            ("ho**na", "ho.aina.org", true),
            ("^hosta", "foo.hosta.org", false),
            ("^hosta", "hosta.org", true),
            ("org$", "hosta.org", true),
            ("hosta$", "hosta.org", false),
            ("host[a-c]", "hostb", true),
            ("host[!a-c]", "hostb", false),
            ("=hosta", "HOSTA", true),
            ("=hosta", "hosta.org", false),
        ];
        for (word, host, fits) in table {
            assert_eq!(matches(word, '.', host), fits, "{word} {host}");
        }
    }

    #[test]
    fn dle_expressions_are_whole_components() {
        let table = [
            ("/", "/", true),
            ("/", "/usr", false),
            ("usr", "/usr", true),
            ("/usr", "/usr", true),
            ("/usr", "/usr/local", true),
            ("/usr$", "/usr/local", false),
            ("/usr/", "/usr", true),
            ("/usr/", "/usr/local", true),
            ("local", "/usr/local", true),
            ("loc", "/usr/local", false),
            ("lo*", "/usr/local", true),
            ("sd*", "sda1", true),
            ("^/local", "/usr/local", false),
            ("Usr", "/usr", false),
            ("=/usr", "/usr", true),
            ("=/usr", "/usr/local", false),
            ("a.b", "axb", false),
            ("[x", "x", false),
        ];
        for (word, dle, fits) in table {
            match Matcher::new(word, '/') {
                Ok(matcher) => assert_eq!(matcher.matches(dle), fits, "{word} {dle}"),
                Err(wrong) => assert_eq!(wrong, SelectError::Expression(word.to_owned())),
            }
        }
    }

    fn config() -> Config {
        let mut text = String::from(
            "[storage.daily]\n[changer.v]\ntype=\"vtape\"\ndirectory=\"v\"\nslots=20\n[tapetype.t]\nlength=\"1 GiB\"\n",
        );
        for (host, name) in
            [("web.lan", "/srv"), ("web.lan", "/home"), ("db", "/srv"), ("srv.lan", "data")]
        {
            text.push_str(&format!(
                "[[dle]]\nhost = {host:?}\nname = {name:?}\npath = \"/p{name}\"\n"
            ));
        }
        crate::read(&[(PathBuf::from("/s/reelkeep.toml"), text)]).unwrap()
    }

    fn chosen(words: &[&str]) -> Result<Vec<String>, SelectError> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let config = config();
        let dles = select(&config, &words)?;
        Ok(dles.iter().map(|dle| dle.reference().to_string()).collect())
    }

    #[test]
    fn names_alone_say_which_dles_are_meant() {
        let table: [(&[&str], &[usize]); 5] = [
            (&[], &[0, 1, 2, 3]),
            (&["lan"], &[0, 1, 3]),
            (&["web", "/home"], &[1]),
            (&[""], &[]),
            (&["web", ""], &[]),
        ];
        for (words, meant) in table {
            let named = Named::of(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
            let dles = config().dles;
            let found: Vec<usize> =
                (0..dles.len()).filter(|n| named.means(&dles[*n].reference())).collect();
            assert_eq!(found, meant, "{words:?}");
        }
    }

    #[test]
    fn a_dle_is_found_by_host_and_name_whatever_the_order_of_the_files() {
        let config = config();
        for dle in &config.dles {
            assert_eq!(config.dle(&dle.reference()), Some(dle));
        }
        let DleRef { host, .. } = config.dles[2].reference();
        assert_eq!(config.dle(&DleRef { host, dle: "/home".parse().unwrap() }), None);
    }

    #[test]
    fn words_alternate_between_hosts_and_dles() {
        assert_eq!(chosen(&[]).unwrap().len(), 4);
        assert_eq!(chosen(&["web"]).unwrap(), ["web.lan:/srv", "web.lan:/home"]);
        assert_eq!(chosen(&["web", "/home", "db"]).unwrap(), ["web.lan:/home", "db:/srv"]);
        assert_eq!(chosen(&["lan", "home", "data"]).unwrap(), ["web.lan:/home", "srv.lan:data"]);
        assert_eq!(chosen(&["db", "web"]).unwrap().len(), 3);
    }

    #[test]
    fn a_word_that_names_nothing_is_refused_with_what_there_is() {
        assert_eq!(
            chosen(&["/srv"]).unwrap_err().to_string(),
            "no host matches \"/srv\": the hosts are web.lan, db, srv.lan"
        );
        assert_eq!(
            chosen(&["web", "/opt"]).unwrap_err().to_string(),
            "\"/opt\" matches no DLE of \"web\" and no host: the DLEs are /srv, /home"
        );
        assert!(matches!(chosen(&["web", "srv"]), Err(SelectError::Both { .. })));
        assert!(matches!(chosen(&[""]), Err(SelectError::Expression(_))));
        assert!(matches!(chosen(&["[z-a]"]), Err(SelectError::Expression(_))));
    }

    proptest! {
        #[test]
        fn no_expression_is_too_odd(words in proptest::collection::vec(any::<String>(), 0..4)) {
            let config = config();
            prop_assert!(select(&config, &words).map_or(0, |dles| dles.len()) <= 4);
        }
    }
}
