//! Mail as a real server takes it and refuses it: aiosmtpd on this machine, with certificates made by openssl.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use config::SmtpServer;
use tempfile::TempDir;

use super::tests::{access, causes, mail, mailer, people};
use super::{By, Mail, Mailer, smtp};
use crate::clock::Now;
use crate::report;

const SERVER: &str = include_str!("real_server.py");

/// A server that runs, and the directory where its mail arrives.
struct Post {
    child: Child,
    directory: TempDir,
    access: smtp::Access,
}

impl Drop for Post {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Post {
    /// A server for this scheme. An encrypted one shows a certificate of its own authority, `ca.pem`, for localhost.
    fn open(scheme: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        if scheme != "smtp" {
            authority(at, "ca");
            authority(at, "other");
            certificate(at, "localhost");
        }
        fs::write(at.join("server.py"), SERVER).unwrap();
        let kind = match scheme {
            "smtp" => "plain",
            "smtps" => "tls",
            _ => "starttls",
        };
        let mut child = Command::new("/usr/bin/python3")
            .arg(at.join("server.py"))
            .args([kind.as_ref(), at.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let server: SmtpServer = format!("{scheme}://localhost:{}", port.trim()).parse().unwrap();
        let mut access = access(&server);
        if scheme != "smtp" {
            access.authorities = Some(at.join("ca.pem"));
            access.login = Some(login(at, "backup:se:cret\n"));
        }
        Self { child, directory, access }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn mailer(&self) -> Mailer {
        mailer(By::Server(self.access.clone()))
    }

    fn send(&self, to: &[&str], mail: &Mail) -> Result<(), String> {
        self.mailer().send(&people(to), mail, &Now::read()).map_err(|error| causes(&error))
    }

    /// What a refusal says.
    fn refusal(&self, to: &[&str]) -> String {
        self.send(to, &mail()).unwrap_err()
    }

    /// The mail that arrived as number `n`, with the line ends of a text file.
    fn arrived(&self, n: usize) -> Option<String> {
        let text = fs::read_to_string(self.path(&format!("{n}.eml"))).ok()?;
        Some(text.replace("\r\n", "\n"))
    }
}

fn login(directory: &Path, line: &str) -> PathBuf {
    let path = directory.join("login");
    fs::write(&path, line).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn openssl(directory: &Path, arguments: &str) {
    let mut openssl = Command::new("openssl");
    let done = openssl.args(arguments.split_whitespace()).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

const NEW_KEY: &str = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";

fn authority(directory: &Path, name: &str) {
    openssl(directory, &format!("{NEW_KEY} -subj /CN={name} -keyout {name}.key -out {name}.pem"));
}

/// The server's certificate, for a host of this name.
fn certificate(directory: &Path, host: &str) {
    let server = "-keyout server.key -out server.pem -CA ca.pem -CAkey ca.key";
    let for_host = format!("-subj /CN={host} -addext subjectAltName=DNS:{host}");
    let no_authority = "-addext basicConstraints=critical,CA:FALSE";
    openssl(directory, &format!("{NEW_KEY} {server} {for_host} {no_authority}"));
}

fn assert_says(text: &str, all: &[&str]) {
    for one in all {
        assert!(text.contains(one), "{one:?} in {text}");
    }
    assert!(!text.contains("se:cret"), "a password in {text}");
}

#[test]
#[ignore = "needs aiosmtpd: buildbot/run runs it"]
fn mail_arrives_by_each_kind_of_connection() {
    for scheme in ["smtp", "smtp+starttls", "smtps"] {
        let post = Post::open(scheme);
        post.send(&["ops@example.org", "root"], &mail()).unwrap();
        let text = post.arrived(1).unwrap();
        assert!(text.contains("\nPut volume D-001 into the drive.\n.\n"), "{scheme}: {text}");
        assert!(text.contains("To: ops@example.org, root@backup.example.org\n"), "{text}");
    }
}

#[test]
#[ignore = "needs aiosmtpd: buildbot/run runs it"]
fn a_certificate_that_nobody_we_believe_vouches_for_gets_no_mail() {
    for scheme in ["smtp+starttls", "smtps"] {
        let mut post = Post::open(scheme);
        let ours = post.access.authorities.clone();
        // That of this machine, and that of somebody else.
        for authorities in [None, Some(post.path("other.pem"))] {
            post.access.authorities = authorities;
            let text = post.refusal(&["ops@example.org"]);
            assert_says(&text, &["certificate is not trusted", "smtp-ca", "UnknownIssuer"]);
        }
        // The right one, under an address that it does not name.
        post.access.authorities = ours;
        post.access.server.host = "127.0.0.1".to_owned();
        let text = post.refusal(&["ops@example.org"]);
        assert_says(&text, &["certificate is not trusted", "127.0.0.1", "localhost"]);
        assert_eq!(post.arrived(1), None);
    }
}

#[test]
#[ignore = "needs aiosmtpd: buildbot/run runs it"]
fn a_wrong_password_and_a_missing_one_are_told_apart() {
    for scheme in ["smtp+starttls", "smtps"] {
        let mut post = Post::open(scheme);
        login(post.directory.path(), "backup:guess\n");
        let text = post.refusal(&["ops@example.org"]);
        assert_says(&text, &["when given name and password", "535", "right NAME:PASSWORD"]);
        post.access.login = None;
        let text = post.refusal(&["ops@example.org"]);
        assert_says(&text, &["530", "it wants a login", "smtp-login names a file"]);
        assert_eq!(post.arrived(1), None);
    }
    let mut plain = Post::open("smtp");
    plain.access.login = Some(login(plain.directory.path(), "backup:se:cret\n"));
    assert_says(&plain.refusal(&["ops@example.org"]), &["offers no login", "smtp+starttls://"]);
}

#[test]
#[ignore = "needs aiosmtpd: buildbot/run runs it"]
fn the_wrong_protection_is_named_with_the_one_that_it_may_be() {
    let mut starttls = Post::open("smtp+starttls");
    starttls.access.server.security = config::SmtpSecurity::Tls;
    let text = starttls.refusal(&["ops@example.org"]);
    assert_says(&text, &["could not be encrypted", "should be smtp+starttls://"]);

    let mut tls = Post::open("smtps");
    tls.access.server.security = config::SmtpSecurity::Plain;
    tls.access.login = None;
    tls.access.patience = Duration::from_millis(1);
    assert_says(&tls.refusal(&["ops@example.org"]), &["when greeted", "should be smtps://"]);

    let mut plain = Post::open("smtp");
    plain.access.server.security = config::SmtpSecurity::StartTls;
    assert_says(&plain.refusal(&["ops@example.org"]), &["does not offer STARTTLS"]);
}

#[test]
#[ignore = "needs aiosmtpd: buildbot/run runs it"]
fn what_a_server_refuses_is_said_with_its_words_and_what_to_do() {
    let mut post = Post::open("smtp");
    let greylisted = post.refusal(&["new@example.org"]);
    assert_says(&greylisted, &["new@example.org", "451", "Greylisted", "reelkeep report --mail"]);
    let unknown = post.refusal(&["nobody@example.org"]);
    assert_says(&unknown, &["for nobody@example.org", "550", "no such user", "mailto is right"]);
    let large = Mail { text: "too large\n".to_owned(), ..mail() };
    let text = post.send(&["ops@example.org"], &large).unwrap_err();
    assert_says(&text, &["the mail itself", "552", "exceeds the limit"]);
    let banned = Mailer { from: Some("banned@example.org".to_owned()), ..post.mailer() };
    let error = banned.send(&people(&["ops@example.org"]), &mail(), &Now::read()).unwrap_err();
    assert_says(&causes(&error), &["from banned@example.org", "553", "set mailfrom"]);
    assert_eq!(post.arrived(1), None);

    let partly = post.refusal(&["ops@example.org", "nobody@example.org", "root"]);
    assert_says(
        &partly,
        &["took the mail for ops@example.org, root@backup.example.org, and did not"],
    );
    assert!(post.arrived(1).unwrap().contains("Put volume D-001 into the drive."));

    post.access.patience = Duration::from_secs(2);
    let slow = post.refusal(&["tarpit@example.org"]);
    assert_says(&slow, &["it said nothing for 2 s", "the mail is for tarpit@example.org"]);
}

/// What Python's own reader of mail makes of a message: the headers asked for, and each part after its type.
const READER: &str = "
import email, email.policy, sys
mail = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
assert not mail.defects, mail.defects
print(mail['Subject'])
for part in mail.walk():
    if not part.is_multipart():
        assert not part.defects, part.defects
        open(sys.argv[2] + '/' + part.get_content_subtype(), 'wb').write(part.get_payload(decode=True))
        print(part.get_content_type())
";

#[test]
#[ignore = "needs aiosmtpd: buildbot/run runs it"]
fn a_nights_report_arrives_whole_as_text_and_as_a_page() {
    let post = Post::open("smtps");
    let (text, html) = report::mailed::send_sample(&post.mailer());
    let mut reader = Command::new("/usr/bin/python3");
    reader.args(["-c", READER]).arg(post.path("1.eml")).arg(post.directory.path());
    let read = reader.output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let heads = String::from_utf8(read.stdout).unwrap();
    let subject = "backup1 Example: FAIL, 1 of 2 DLEs (dump of 2026-01-02 03:00:00)";
    assert_eq!(heads, format!("{subject}\ntext/plain\ntext/html\napplication/json\n"));
    let part = |name: &str| fs::read_to_string(post.path(name)).unwrap().replace("\r\n", "\n");
    assert_eq!(part("plain"), text);
    assert_eq!(part("html"), html);
}
