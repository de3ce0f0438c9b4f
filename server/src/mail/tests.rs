//! Mails as they arrive: at a server on this machine that writes down what it hears, and at a script in place of
//! sendmail.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::Timespec;

use super::*;

/// A server for one connection. It answers every command with what `answers` has for it or for its first word, and else
/// with `250 ok`; its thread returns all it heard.
fn server(answers: &[(&'static str, &'static str)]) -> (SmtpServer, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("smtp://{}", listener.local_addr().unwrap());
    let answers = answers.to_vec();
    let thread = std::thread::spawn(move || hear(listener.accept().unwrap().0, &answers));
    (address.parse().unwrap(), thread)
}

fn hear(stream: TcpStream, answers: &[(&str, &str)]) -> String {
    let mut out = stream.try_clone().unwrap();
    let mut heard = String::new();
    let mut in_data = false;
    out.write_all(b"220 sink\r\n").unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        heard.push_str(&line);
        heard.push('\n');
        let word = line.split(' ').next().unwrap_or("");
        let answer = match (in_data, word) {
            (true, ".") => "250 taken",
            (true, _) => continue,
            (false, "DATA") => "354 go on",
            (false, "QUIT") => "221 bye",
            (false, _) => "250 ok",
        };
        in_data = word == "DATA";
        let special =
            answers.iter().find(|(of, _)| *of == word || *of == line).map(|(_, answer)| *answer);
        write!(out, "{}\r\n", special.unwrap_or(answer)).unwrap();
    }
    heard
}

pub(super) fn mailer(by: By) -> Mailer {
    Mailer { from: None, machine: "backup.example.org".to_owned(), by }
}

pub(super) fn access(server: &SmtpServer) -> smtp::Access {
    let server = server.clone();
    smtp::Access { server, login: None, authorities: None, patience: Duration::from_secs(60) }
}

fn at(server: &SmtpServer) -> Mailer {
    mailer(By::Server(access(server)))
}

pub(super) fn mail() -> Mail {
    Mail {
        subject: "Büro: load volume D-001".to_owned(),
        text: "Put volume D-001 into the drive.\n.\nThen: reelkeep library loaded\n".to_owned(),
        ..Mail::default()
    }
}

pub(super) fn people(addresses: &[&str]) -> Vec<String> {
    addresses.iter().map(|&address| address.to_owned()).collect()
}

pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(" / {}", causes(source)));
    format!("{error}{}", source.unwrap_or_default())
}

/// A script that stands in for sendmail, and the directory it writes to.
fn script(body: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sendmail");
    fs::write(&path, format!("#!/bin/sh\ncd '{}' || exit 9\n{body}\n", dir.path().display()))
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (dir, path)
}

#[test]
fn a_server_hears_every_recipient_and_the_text() {
    let (server, heard) = server(&[]);
    at(&server).send(&people(&["ops@example.org", "root"]), &mail(), &Now::read()).unwrap();
    let heard = heard.join().unwrap();
    for line in [
        "EHLO backup.example.org\n",
        "MAIL FROM:<reelkeep@backup.example.org>",
        "RCPT TO:<ops@example.org>\n",
        "RCPT TO:<root@backup.example.org>\n",
        "Auto-Submitted: auto-generated\n",
        "\nPut volume D-001 into the drive.\n..\nThen: reelkeep library loaded\n",
    ] {
        assert!(heard.contains(line), "{line:?} in {heard}");
    }
    assert!(heard.contains("\nDate: ") && heard.contains("\nMessage-ID: <"), "{heard}");
    assert!(heard.contains("Subject: =?utf-8?"), "an encoded word: {heard}");
}

#[test]
fn text_html_and_attachments_are_parts_in_the_order_readers_want() {
    let (server, heard) = server(&[]);
    let full = Mail {
        html: Some("<p>all well</p>".to_owned()),
        attachments: vec![Attachment {
            name: "run.svg".to_owned(),
            media_type: "image/svg+xml".to_owned(),
            bytes: b"<svg/>".to_vec(),
        }],
        ..mail()
    };
    at(&server).send(&people(&["ops@example.org"]), &full, &Now::read()).unwrap();
    let heard = heard.join().unwrap();
    let places = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "<p>all well</p>",
        "filename=\"run.svg\"",
        "image/svg+xml",
    ]
    .map(|word| heard.find(word).unwrap_or_else(|| panic!("no {word} in {heard}")));
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_server_that_refuses_a_recipient_is_quoted() {
    let (server, heard) = server(&[("RCPT", "550 no such user here")]);
    let error =
        at(&server).send(&people(&["nobody@example.org"]), &mail(), &Now::read()).unwrap_err();
    heard.join().unwrap();
    let text = causes(&error);
    assert!(text.contains("did not take the mail for nobody@example.org"), "{text}");
    assert!(text.contains("no such user here"), "{text}");
}

#[test]
fn one_who_is_refused_takes_the_mail_from_nobody_else() {
    let gone = "RCPT TO:<gone@example.org>";
    let (server, heard) = server(&[(gone, "550 moved away")]);
    let to = people(&["ops@example.org", "gone@example.org", "root"]);
    let error = at(&server).send(&to, &mail(), &Now::read()).unwrap_err();
    let text = causes(&error);
    let (taken, refused) = ("ops@example.org, root@backup.example.org", "gone@example.org");
    let whom = format!("took the mail for {taken}, and did not take it for {refused}");
    assert!(text.contains(&whom) && text.contains("550 (moved away)"), "{text}");
    assert!(heard.join().unwrap().contains("Put volume D-001 into the drive."));
}

#[test]
fn a_server_that_hangs_or_hangs_up_is_told_from_one_that_is_not_there() {
    // It takes the connection, and never says a word.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let server: SmtpServer = format!("smtp://{}", mute.local_addr().unwrap()).parse().unwrap();
    let impatient = smtp::Access { patience: Duration::from_millis(1), ..access(&server) };
    let to = people(&["ops@example.org"]);
    let error = mailer(By::Server(impatient)).send(&to, &mail(), &Now::read()).unwrap_err();
    assert!(causes(&error).contains("when greeted: perhaps smtp should be smtps://"), "{error:?}");

    let thread = std::thread::spawn(move || {
        // The one above, and the one below.
        for _ in 0..2 {
            drop(mute.accept().unwrap());
        }
    });
    let error = at(&server).send(&to, &mail(), &Now::read()).unwrap_err();
    assert!(causes(&error).contains("broke the connection off when greeted"), "{error:?}");
    thread.join().unwrap();
}

#[test]
fn a_server_is_known_by_a_file_of_certificates_and_one_without_any_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let server: SmtpServer = "smtps://localhost:1".parse().unwrap();
    let text_of = |name: &str| {
        let known = smtp::Access { authorities: Some(dir.path().join(name)), ..access(&server) };
        let sent = mailer(By::Server(known)).send(&people(&["root"]), &mail(), &Now::read());
        causes(&sent.unwrap_err())
    };
    fs::write(dir.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\nMC4C\n").unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(dir.path().join("broken.pem"), broken).unwrap();
    for (name, needed) in [
        ("none.pem", "could not be read"),
        ("key.pem", "BEGIN CERTIFICATE"),
        ("broken.pem", "not understood"),
    ] {
        let text = text_of(name);
        assert!(text.contains(needed) && text.contains(name), "{text}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server: SmtpServer = format!("smtp://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = at(&server).send(&people(&["ops@example.org"]), &mail(), &Now::read()).unwrap_err();
    let text = causes(&error);
    assert!(text.contains(&server.to_string()) && text.contains("refused"), "{text}");
}

#[test]
fn a_server_without_starttls_gets_no_mail_where_encryption_is_wanted() {
    let (plain, heard) = server(&[]);
    let server = SmtpServer { security: config::SmtpSecurity::StartTls, ..plain };
    let error = at(&server).send(&people(&["ops@example.org"]), &mail(), &Now::read()).unwrap_err();
    assert!(causes(&error).to_lowercase().contains("starttls"), "{}", causes(&error));
    assert!(!heard.join().unwrap().contains("MAIL FROM"));
}

#[test]
fn the_password_goes_to_the_server_and_a_file_that_others_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let login = dir.path().join("login");
    fs::write(&login, "backup:se:cret\n").unwrap();
    let with_login = |server: SmtpServer| {
        mailer(By::Server(smtp::Access { login: Some(login.clone()), ..access(&server) }))
    };
    let to = people(&["ops@example.org"]);

    fs::set_permissions(&login, fs::Permissions::from_mode(0o640)).unwrap();
    let nobody: SmtpServer = "smtp://localhost:1".parse().unwrap();
    let error = with_login(nobody).send(&to, &mail(), &Now::read()).unwrap_err();
    assert!(causes(&error).contains("its mode is 640"), "{}", causes(&error));
    assert!(!causes(&error).contains("cret"));

    fs::set_permissions(&login, fs::Permissions::from_mode(0o600)).unwrap();
    let offers = [("EHLO", "250-sink\r\n250 AUTH PLAIN"), ("AUTH", "235 welcome")];
    let (server, heard) = server(&offers);
    with_login(server).send(&to, &mail(), &Now::read()).unwrap();
    // "\0backup\0se:cret" in base64.
    assert!(heard.join().unwrap().contains("AUTH PLAIN AGJhY2t1cABzZTpjcmV0"));
}

#[test]
fn a_mailer_gets_addresses_as_arguments_and_the_mail_with_plain_line_ends() {
    let (dir, path) = script("echo \"$@\" > arguments; cat > mail");
    let mut by_script = mailer(By::Program(path));
    by_script.from = Some("backup@example.org".to_owned());
    by_script.send(&people(&["ops@example.org", "root"]), &mail(), &Now::read()).unwrap();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(read("arguments"), "-i -f backup@example.org -- ops@example.org root\n");
    let sent = read("mail");
    assert!(!sent.contains('\r'), "{sent}");
    assert!(sent.contains("\nTo: ops@example.org, root@backup.example.org\n"), "{sent}");
    assert!(
        sent.ends_with("\n\nPut volume D-001 into the drive.\n.\nThen: reelkeep library loaded\n"),
        "{sent}"
    );
}

#[test]
fn a_mailer_that_refuses_is_quoted_and_one_that_is_missing_is_named() {
    let (_dir, path) = script("echo 'queue is full' >&2; exit 75");
    let to = people(&["root"]);
    let text = causes(&mailer(By::Program(path)).send(&to, &mail(), &Now::read()).unwrap_err());
    assert!(text.contains("exit status: 75: queue is full"), "{text}");

    let missing = mailer(By::Program("/nowhere/sendmail".into()));
    let text = causes(&missing.send(&to, &mail(), &Now::read()).unwrap_err());
    assert!(text.contains("/nowhere/sendmail") && text.contains("set mailer"), "{text}");
}

#[test]
fn a_mailer_that_reads_nothing_and_leaves_a_child_behind_does_not_hold_us_up() {
    let (_dir, path) = script("sleep 20 & exit 0");
    let large = Mail { text: "x\n".repeat(200_000), ..mail() };
    mailer(By::Program(path)).send(&people(&["root"]), &large, &Now::read()).unwrap();
}

#[test]
fn a_mailer_that_never_ends_is_ended() {
    let (_dir, path) = script("sleep 1000");
    let soon = Timespec { tv_sec: 0, tv_nsec: 0 };
    let error = program::run_within(Path::new(&path), &["-i"], b"mail", soon).unwrap_err();
    assert!(matches!(error, program::ProgramError::Slow { .. }), "{error}");
}

#[test]
fn a_mail_to_nobody_is_an_error() {
    let error =
        mailer(By::Program("/bin/true".into())).send(&[], &mail(), &Now::read()).unwrap_err();
    assert!(error.to_string().contains("has no recipients"), "{error}");
}

#[test]
fn a_subject_cannot_smuggle_in_a_header() {
    let (dir, path) = script("cat > mail");
    let sly = Mail { subject: "Hello\r\nBcc: all@example.org".to_owned(), ..mail() };
    mailer(By::Program(path)).send(&people(&["root"]), &sly, &Now::read()).unwrap();
    let sent = fs::read_to_string(dir.path().join("mail")).unwrap();
    assert!(!sent.contains("\nBcc"), "{sent}");
}
