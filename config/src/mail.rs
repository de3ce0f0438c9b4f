//! Where mail goes: addresses, and the server that takes it.
//!
//! An address is what a mail server would take after `RCPT TO:`, or a local name alone, as `root`. A server is
//! written as a URL without a path. Whether the connection is encrypted is part of its name, because a server
//! that offers encryption and one that insists on it look alike until somebody listens in.

use std::fmt;
use std::str::FromStr;

use crate::codec::{Codec, Word};
use crate::shown::Shown;
use crate::value::{Bad, Value};

/// A server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Its name or address; an address of IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Not at all. Port 25.
    Plain,
    /// Encrypted after STARTTLS, or no mail is sent (RFC 3207). Port 587.
    StartTls,
    /// Encrypted from the first byte on (RFC 8314). Port 465.
    Tls,
}

/// How each is written, and its port where none is written.
const SCHEMES: [(&str, SmtpSecurity, u16); 3] = [
    ("smtp", SmtpSecurity::Plain, 25),
    ("smtp+starttls", SmtpSecurity::StartTls, 587),
    ("smtps", SmtpSecurity::Tls, 465),
];

/// A text that names no mail server.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no mail server: write \"smtp://HOST\", \"smtp+starttls://HOST\" or \"smtps://HOST\", with :PORT \
     behind it if it is not the usual one"
)]
pub struct BadServer(String);

impl SmtpServer {
    /// Whether it is on this machine by its name, so that nobody can listen in.
    pub fn is_local(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for SmtpServer {
    type Err = BadServer;

    fn from_str(text: &str) -> Result<Self, BadServer> {
        let bad = || BadServer(text.chars().take(80).collect());
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let (_, security, usual) =
            SCHEMES.into_iter().find(|(name, ..)| *name == scheme).ok_or_else(bad)?;
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or_else(bad)?,
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port {
            "" => usual,
            port => port.strip_prefix(':').and_then(|p| p.parse().ok()).ok_or_else(bad)?,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(allowed) || port == 0 {
            return Err(bad());
        }
        Ok(Self { security, host: host.to_owned(), port })
    }
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = SCHEMES.iter().find(|(_, security, _)| *security == self.security);
        let (scheme, _, usual) = row.copied().unwrap_or(SCHEMES[0]);
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]", self.host)?,
            false => write!(f, "{scheme}://{}", self.host)?,
        }
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// An address of a person: `ops@example.org`, or `root` on this machine.
pub(crate) struct Address;

impl Codec for Address {
    type Value = String;

    fn read(&self, value: Value<'_>) -> Result<String, Bad> {
        let text = Word.read(value)?;
        let text = text.trim();
        let no_address = || value.bad(format!("{} is no address of mail", value.named()));
        let (name, domain) = match text.split_once('@') {
            Some((name, domain)) => (name, Some(domain)),
            None => (text, None),
        };
        let wrong = |c: char| c.is_whitespace() || "<>()[]\\,;:\"@".contains(c);
        if text.contains(',') || text.contains(' ') {
            return Err(no_address().suggest("write a list: [\"a\", \"b\"]".to_owned()));
        }
        if name.is_empty() || name.starts_with('-') || name.contains(wrong) {
            return Err(no_address());
        }
        if domain.is_some_and(|domain| domain.is_empty() || domain.contains(wrong)) {
            return Err(no_address());
        }
        Ok(text.to_owned())
    }

    fn show(&self, value: &String) -> Shown {
        Shown::Text(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_read_back_as_they_are_shown() {
        for (text, security, host, port) in [
            ("smtp://mail.example.org", SmtpSecurity::Plain, "mail.example.org", 25),
            ("smtp://127.0.0.1:2525", SmtpSecurity::Plain, "127.0.0.1", 2525),
            ("smtp+starttls://mail", SmtpSecurity::StartTls, "mail", 587),
            ("smtps://[::1]:4650", SmtpSecurity::Tls, "::1", 4650),
            ("smtps://[fe80::1]", SmtpSecurity::Tls, "fe80::1", 465),
        ] {
            let server: SmtpServer = text.parse().unwrap();
            assert_eq!(server, SmtpServer { security, host: host.to_owned(), port });
            assert_eq!(server.to_string(), text);
        }
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for text in [
            "",
            "mail",
            "mail:25",
            "http://mail",
            "smtp://",
            "smtp://mail:",
            "smtp://mail:0",
            "smtp://mail:99999",
            "smtp://user:secret@mail",
            "smtp://mail/path",
            "smtp://[::1",
            "smtp://[::1]25",
            "smtp:// mail",
        ] {
            assert!(text.parse::<SmtpServer>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        let local = |text: &str| text.parse::<SmtpServer>().unwrap().is_local();
        assert!(local("smtp://localhost") && local("smtp://127.0.0.1") && local("smtp://[::1]"));
        assert!(!local("smtp://mail.example.org") && !local("smtp://10.0.0.1"));
    }
}
