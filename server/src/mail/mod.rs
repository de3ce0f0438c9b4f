//! Mail: one message to some people, by a program of this machine or by a mail server.
//!
//! Whoever has something to say makes a [`Mail`]; [`Mailer::send`] makes the message of it and hands it over, to the
//! configured `mailer` as sendmail takes it, or to the configured server by SMTP. It is sent once. What stands in
//! the way is said in words and is the caller's to report: no run fails because its mail did.

mod message;
mod program;
#[cfg(test)]
mod real_server;
mod refusal;
mod smtp;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use config::{Site, SmtpServer};
use lettre::Address;
use lettre::message::Mailbox;

use crate::clock::Now;
pub use refusal::ServerError;

/// What is said.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// The subject, one line.
    pub subject: String,
    /// The text; every reader of mail shows it.
    pub text: String,
    /// The same for readers that show HTML.
    pub html: Option<String>,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
}

/// A file that goes with a mail.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name, without directories.
    pub name: String,
    /// What it is, as `image/svg+xml`.
    pub media_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// How mail leaves this machine.
#[derive(Debug, Clone)]
pub struct Mailer {
    /// Who it is from, if that was said.
    from: Option<String>,
    /// The name of this machine.
    machine: String,
    by: By,
}

#[derive(Debug, Clone)]
enum By {
    Program(PathBuf),
    Server(smtp::Access),
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// There is nobody to send it to.
    #[error("the mail {subject:?} has no recipients: name some in mailto")]
    Nobody {
        /// What it is about.
        subject: String,
    },
    /// An address cannot be written into a message.
    #[error("mail can't be addressed to or from {address:?}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        #[source]
        source: lettre::address::AddressError,
    },
    /// The kind of an attachment is no media type.
    #[error("{media_type:?} is no media type, for the attachment {name:?}")]
    MediaType {
        /// The attachment.
        name: String,
        /// What was said of it.
        media_type: String,
    },
    /// The message could not be put together.
    #[error("could not put the mail together")]
    Message(#[source] lettre::error::Error),
    /// The mailer did not take it.
    #[error("the mailer {} did not take the mail for {to}", path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// The recipients.
        to: String,
        /// Why not.
        #[source]
        source: program::ProgramError,
    },
    /// Name and password for the server could not be had.
    #[error("could not read name and password for {server} from {}", path.display())]
    Login {
        /// The server.
        server: SmtpServer,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: smtp::LoginError,
    },
    /// The certificates that the server is judged by could not be had.
    #[error("could not use the certificates of {} to know {server}", path.display())]
    Authorities {
        /// The server.
        server: SmtpServer,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: smtp::AuthoritiesError,
    },
    /// The server did not take it.
    #[error("the mail server {server} did not take the mail for {to}")]
    Server {
        /// The server.
        server: SmtpServer,
        /// The recipients.
        to: String,
        /// Why not.
        #[source]
        source: Box<ServerError>,
    },
    /// The server took it for some only.
    #[error(
        "the mail server {server} took the mail for {taken}, and did not take it for {refused}"
    )]
    Partly {
        /// The server.
        server: SmtpServer,
        /// Who gets it.
        taken: String,
        /// Who does not.
        refused: String,
        /// Why not, of the last of them.
        #[source]
        source: Box<ServerError>,
    },
}

impl Mailer {
    /// The mailer of a site.
    pub fn of(site: &Site) -> Self {
        let by = match &site.smtp {
            Some(server) => By::Server(smtp::Access::of(server, site)),
            None => By::Program(site.mailer.clone()),
        };
        Self { from: site.mailfrom.clone(), machine: machine(), by }
    }

    /// Sends a mail to all of `to`, now.
    pub fn send(&self, to: &[String], mail: &Mail, now: &Now) -> Result<(), MailError> {
        if to.is_empty() {
            return Err(MailError::Nobody { subject: mail.subject.clone() });
        }
        let sender = self.mailbox(self.from.as_deref().unwrap_or("reelkeep"))?;
        let receivers = to.iter().map(|one| self.mailbox(one)).collect::<Result<Vec<_>, _>>()?;
        let message = message::build(sender, receivers, mail, now)?;
        match &self.by {
            By::Program(path) => self.by_program(path, to, &message),
            By::Server(access) => access.send(&self.machine, &message),
        }
    }

    fn by_program(
        &self,
        path: &Path,
        to: &[String],
        message: &lettre::Message,
    ) -> Result<(), MailError> {
        let failed =
            |source| MailError::Program { path: path.to_owned(), to: to.join(", "), source };
        // `-i`: a line with nothing but a dot is text.
        let mut arguments = vec!["-i"];
        if let Some(from) = &self.from {
            arguments.extend(["-f", from]);
        }
        arguments.push("--");
        arguments.extend(to.iter().map(String::as_str));
        program::run(path, &arguments, &message::for_program(message)).map_err(failed)
    }

    /// An address; a name alone is one of this machine.
    fn mailbox(&self, written: &str) -> Result<Mailbox, MailError> {
        let parsed = match written.contains('@') {
            true => written.parse::<Address>(),
            false => Address::new(written, &self.machine),
        };
        let failed = |source| MailError::Address { address: written.to_owned(), source };
        Ok(Mailbox::new(None, parsed.map_err(failed)?))
    }
}

/// The name of this machine, or `localhost` if what it calls itself is no domain.
fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if Address::new("reelkeep", &name).is_ok() { name } else { "localhost".to_owned() }
}
