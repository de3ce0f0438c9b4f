//! A mail server, spoken to by SMTP (RFC 5321).
//!
//! ```text
//!  connect ─► [STARTTLS] ─► [AUTH] ─► MAIL ─► RCPT, one for each ─► DATA ─► the message ─► QUIT
//! ```
//!
//! The session is led here, step by step, so that whatever fails is known by its step. A recipient who is refused
//! takes the mail from nobody else. Name and password stand in a file of one line, `NAME:PASSWORD`, which only its
//! owner may read; no message and no log has them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{SmtpSecurity, SmtpServer};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::{Address, Message};

use super::MailError;
use super::refusal::{Cause, ServerError, Step};

/// How long the server may take to be reached, and for each answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest file with a name and a password.
const LONGEST_LOGIN: u64 = 4096;
/// The longest file with certificates.
const LONGEST_CERTIFICATES: u64 = 4 << 20;

/// A server that takes mail, and what is needed to talk to it.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) server: SmtpServer,
    /// The file with name and password.
    pub(super) login: Option<PathBuf>,
    /// The file with the certificates of those whose word about the server is believed. `None`: the system's.
    pub(super) authorities: Option<PathBuf>,
    /// How long the server may take to be reached, and for each answer.
    pub(super) patience: Duration,
}

/// Why name and password could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The file could not be read.
    #[error("it could not be read")]
    Read(#[source] io::Error),
    /// Others may read it.
    #[error("others than its owner may read it (its mode is {mode:o}): chmod 600")]
    Open {
        /// The mode.
        mode: u32,
    },
    /// It does not hold what it should.
    #[error("it should have one line, NAME:PASSWORD")]
    Form,
}

/// Why the certificates of the authorities could not be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// The file could not be read.
    #[error("it could not be read")]
    Read(#[source] io::Error),
    /// It does not hold what it should.
    #[error("it should have certificates in PEM form, with lines BEGIN CERTIFICATE, and has none")]
    Form,
    /// One of them is no good.
    #[error("a certificate in it is not understood")]
    Bad(#[source] Cause),
}

impl Access {
    /// The way to the server of a site.
    pub(super) fn of(server: &SmtpServer, site: &config::Site) -> Self {
        Self {
            server: server.clone(),
            login: site.smtp_login.clone(),
            authorities: site.smtp_ca.clone(),
            patience: PATIENCE,
        }
    }

    /// Hands a message over. Nothing is kept, and nothing tried twice.
    pub(super) fn send(&self, machine: &str, message: &Message) -> Result<(), MailError> {
        let recipients = message.envelope().to();
        let failed = |source| MailError::Server {
            server: self.server.clone(),
            to: listed(recipients),
            source: Box::new(source),
        };
        // What is wrong with the files here is found before anybody is called.
        let credentials = self.credentials()?;
        let protection = self.protection()?;
        let mut session = self.connect(machine, protection.as_ref()).map_err(failed)?;
        if let Some(credentials) = credentials {
            self.log_in(&mut session, &credentials).map_err(failed)?;
        }
        let refused = self.hand_over(&mut session, message).map_err(failed)?;
        // It has the mail; whether it says good-bye does not matter.
        let _bye = session.quit();
        let Some((_, source)) = refused.iter().next_back() else { return Ok(()) };
        let (taken, refused): (Vec<_>, Vec<_>) =
            recipients.iter().cloned().partition(|to| !refused.iter().any(|(of, _)| of == to));
        Err(MailError::Partly {
            server: self.server.clone(),
            taken: listed(&taken),
            refused: listed(&refused),
            source: Box::new(source.clone()),
        })
    }

    fn credentials(&self) -> Result<Option<Credentials>, MailError> {
        let Some(path) = &self.login else { return Ok(None) };
        let read = credentials(path).map_err(|source| MailError::Login {
            server: self.server.clone(),
            path: path.clone(),
            source,
        });
        read.map(Some)
    }

    /// What encrypts the connection, if something does.
    fn protection(&self) -> Result<Option<TlsParameters>, MailError> {
        if self.server.security == SmtpSecurity::Plain {
            return Ok(None);
        }
        let mut builder = TlsParameters::builder(self.server.host.clone());
        if let Some(path) = &self.authorities {
            let certificates = authorities(path).map_err(|source| self.unusable(path, source))?;
            builder = builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(certificates);
        }
        let file = self.authorities.as_deref().unwrap_or(Path::new("the system's certificates"));
        let bad = |error| self.unusable(file, AuthoritiesError::Bad(Cause::of(&error)));
        builder.build().map(Some).map_err(bad)
    }

    fn unusable(&self, path: &Path, source: AuthoritiesError) -> MailError {
        MailError::Authorities { server: self.server.clone(), path: path.to_owned(), source }
    }

    fn connect(
        &self,
        machine: &str,
        protection: Option<&TlsParameters>,
    ) -> Result<SmtpConnection, ServerError> {
        let SmtpServer { security, host, port } = &self.server;
        let hello = ClientId::Domain(machine.to_owned());
        let at_once = protection.filter(|_| *security == SmtpSecurity::Tls);
        let address = (host.as_str(), *port);
        let mut session =
            SmtpConnection::connect(address, Some(self.patience), &hello, at_once, None)
                .map_err(|error| self.judge(Step::Greeting, &error))?;
        if let (SmtpSecurity::StartTls, Some(protection)) = (security, protection) {
            if !session.can_starttls() {
                return Err(ServerError::NoStartTls);
            }
            session
                .starttls(protection, &hello)
                .map_err(|error| self.judge(Step::Encryption, &error))?;
        }
        Ok(session)
    }

    fn log_in(
        &self,
        session: &mut SmtpConnection,
        credentials: &Credentials,
    ) -> Result<(), ServerError> {
        if session.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            return Err(ServerError::NoLogin);
        }
        let answer = session.auth(DEFAULT_MECHANISMS, credentials);
        answer.map(drop).map_err(|error| self.judge(Step::Login, &error))
    }

    /// Hands the message over for all who are accepted, and returns who was not.
    fn hand_over(
        &self,
        session: &mut SmtpConnection,
        message: &Message,
    ) -> Result<Vec<(Address, ServerError)>, ServerError> {
        let envelope = message.envelope();
        let mut options = Vec::new();
        let addresses = envelope.from().into_iter().chain(envelope.to());
        if !addresses.into_iter().all(|address| address.to_string().is_ascii()) {
            if !session.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(ServerError::AsciiOnly);
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = envelope.from().cloned();
        let at = Step::Sender(from.as_ref().map(ToString::to_string).unwrap_or_default());
        self.step(session, at, Mail::new(from, options))?;
        let mut refused = Vec::new();
        for to in envelope.to() {
            let at = Step::Recipient(to.to_string());
            match self.step(session, at, Rcpt::new(to.clone(), Vec::new())) {
                Err(error @ ServerError::Refused { .. }) => refused.push((to.clone(), error)),
                answer => answer?,
            }
        }
        if refused.len() == envelope.to().len()
            && let Some((_, error)) = refused.pop()
        {
            return Err(error);
        }
        self.step(session, Step::Message, Data)?;
        session.message(&message.formatted()).map_err(|error| self.judge(Step::Message, &error))?;
        Ok(refused)
    }

    fn step(
        &self,
        session: &mut SmtpConnection,
        step: Step,
        command: impl std::fmt::Display,
    ) -> Result<(), ServerError> {
        session.command(command).map(drop).map_err(|error| self.judge(step, &error))
    }

    fn judge(&self, step: Step, error: &smtp::Error) -> ServerError {
        ServerError::of(step, error, self.server.security, self.patience)
    }
}

fn listed(addresses: &[Address]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn credentials(path: &Path) -> Result<Credentials, LoginError> {
    let file = File::open(path).map_err(LoginError::Read)?;
    let mode = file.metadata().map_err(LoginError::Read)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(LoginError::Open { mode });
    }
    let mut text = String::new();
    file.take(LONGEST_LOGIN).read_to_string(&mut text).map_err(LoginError::Read)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    match line.split_once(':') {
        Some((name, password)) if !name.is_empty() && !line.contains(['\n', '\r']) => {
            Ok(Credentials::new(name.to_owned(), password.to_owned()))
        }
        _ => Err(LoginError::Form),
    }
}

fn authorities(path: &Path) -> Result<Certificate, AuthoritiesError> {
    let mut pem = Vec::new();
    let file = File::open(path).map_err(AuthoritiesError::Read)?;
    file.take(LONGEST_CERTIFICATES).read_to_end(&mut pem).map_err(AuthoritiesError::Read)?;
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(AuthoritiesError::Form);
    }
    Certificate::from_pem(&pem).map_err(|error| AuthoritiesError::Bad(Cause::of(&error)))
}
