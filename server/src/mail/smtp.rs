//! A mail server, spoken to by SMTP (RFC 5321).
//!
//! Name and password stand in a file of one line, `NAME:PASSWORD`, which only its owner may read; no message and no
//! log has them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use config::{SmtpSecurity, SmtpServer};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, SmtpTransport};
use lettre::{Message, Transport as _};

use super::MailError;

/// How long the server may take to be reached, and for each answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest file with a name and a password.
const LONGEST_LOGIN: u64 = 4096;

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

/// Hands a message to a server.
pub(super) fn send(
    server: &SmtpServer,
    login: Option<&Path>,
    machine: &str,
    message: &Message,
) -> Result<(), MailError> {
    let to: Vec<String> = message.envelope().to().iter().map(ToString::to_string).collect();
    let failed = |source| MailError::Server { server: server.clone(), to: to.join(", "), source };
    let tls = protection(server).map_err(failed)?;
    let mut transport = SmtpTransport::builder_dangerous(server.host.as_str())
        .port(server.port)
        .tls(tls)
        .hello_name(ClientId::Domain(machine.to_owned()))
        .timeout(Some(PATIENCE));
    if let Some(path) = login {
        let credentials = credentials(path).map_err(|source| MailError::Login {
            server: server.clone(),
            path: path.to_owned(),
            source,
        })?;
        transport = transport.credentials(credentials);
    }
    transport.build().send(message).map(|_taken| ()).map_err(failed)
}

fn protection(server: &SmtpServer) -> Result<Tls, smtp::Error> {
    let parameters = || TlsParameters::new(server.host.clone());
    Ok(match server.security {
        SmtpSecurity::Plain => Tls::None,
        SmtpSecurity::StartTls => Tls::Required(parameters()?),
        SmtpSecurity::Tls => Tls::Wrapper(parameters()?),
    })
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
