//! Waiting for a person, without one and without time.

use std::collections::BTreeMap;

use super::scripted::{Act, Scripted};
use super::*;

fn request() -> Request {
    Request {
        drive: "drive0".parse().unwrap(),
        device: "/dev/nst0".to_owned(),
        wanted: Wanted::ToWrite {
            volumes: vec![
                ("DAILY-007".parse().unwrap(), "has room".to_owned()),
                (
                    "DAILY-001".parse().unwrap(),
                    "no longer needed, written last on 2026-10-01".to_owned(),
                ),
            ],
            blank: Some("DAILY-009".parse().unwrap()),
        },
        now: "DAILY-003: it is needed until 2026-12-01".to_owned(),
    }
}

fn desk(after: u64, act: Act) -> Desk {
    let operator = Scripted::new(vec![(Duration::from_secs(after), act)]);
    Desk::new(Box::new(operator), Arc::new(|_| ()))
}

const HOUR: Patience = Patience::For(Duration::from_secs(3600));

#[test]
fn each_answer_ends_the_wait_in_its_own_way() {
    for (answer, ended) in [
        (Answer::Loaded, Ok(Duration::from_secs(9))),
        (Answer::Skip, Err(NotLoaded::Skipped)),
        (Answer::GiveUp, Err(NotLoaded::GaveUp)),
    ] {
        let desk = desk(10, Box::new(move |_| answer));
        assert_eq!(desk.ask(&request(), HOUR, &mut || Seen::Empty), ended);
    }
}

#[test]
fn who_has_given_up_is_not_asked_again() {
    let desk = desk(1, Box::new(|_| Answer::GiveUp));
    for _ in 0..2 {
        let ended = desk.ask(&request(), Patience::Endless, &mut || Seen::Empty);
        assert_eq!(ended, Err(NotLoaded::GaveUp));
    }
}

#[test]
fn a_signal_ends_the_wait() {
    let stop = Arc::new(AtomicBool::new(false));
    let raise = Arc::clone(&stop);
    let act: Act = Box::new(move |_| {
        raise.store(true, Ordering::Relaxed);
        Answer::None
    });
    let desk = desk(100, act).within(Arc::new(|_| ()), stop);
    let ended = desk.ask(&request(), Patience::Endless, &mut || Seen::Empty);
    assert_eq!(ended, Err(NotLoaded::Stopped));
}

#[test]
fn who_acts_as_soon_as_the_question_stands_there_is_noticed() {
    let operator = Scripted::new(Vec::new());
    let (heard, loaded) = (operator.heard(), Arc::new(AtomicBool::new(false)));
    let put_in = Arc::clone(&loaded);
    let tell: Tell = Arc::new(move |_| {
        assert_eq!(heard.lock().unwrap().len(), 1, "an answer would be taken now");
        put_in.store(true, Ordering::Relaxed);
    });
    let desk = Desk::new(Box::new(operator), tell);
    let ended = desk.ask(&request(), HOUR, &mut || match loaded.load(Ordering::Relaxed) {
        true => Seen::Ready,
        false => Seen::Empty,
    });
    assert!(ended.is_ok(), "{ended:?}");
}

#[test]
fn the_drive_is_looked_at_often_at_first_and_then_twice_a_minute() {
    let desk = desk(u64::MAX, Box::new(|_| Answer::None));
    let mut looks = 0;
    let ended = desk.ask(&request(), HOUR, &mut || {
        looks += 1;
        Seen::Empty
    });
    assert_eq!(ended, Err(NotLoaded::NobodyCame(Duration::from_secs(3600))));
    assert!((115..=130).contains(&looks), "{looks} looks in an hour");
}

#[test]
fn another_cartridge_is_noticed_and_the_old_one_is_not_taken_for_another() {
    use Seen::{Empty, NotReady, Ready};
    for (seen, noticed) in [
        (vec![Empty, Empty, NotReady], true),
        (vec![Empty, Ready], true),
        (vec![NotReady, NotReady, Ready], true),
        (vec![Ready, Empty, Ready], true),
        (vec![Ready, Ready], false),
        (vec![NotReady, NotReady], false),
        (vec![Ready, NotReady], false),
    ] {
        let desk = desk(u64::MAX, Box::new(|_| Answer::None));
        let mut rest = seen.iter();
        let mut last = seen[0];
        let ended = desk.ask(&request(), HOUR, &mut || {
            last = *rest.next().unwrap_or(&last);
            last
        });
        assert_eq!(ended.is_ok(), noticed, "{seen:?}");
    }
}

#[test]
fn questions_are_put_in_plain_words() {
    let written = request();
    let read = Request {
        wanted: Wanted::Volume("DAILY-007".parse().unwrap()),
        now: "the drive is empty".to_owned(),
        ..request()
    };
    let next = Request {
        wanted: Wanted::Next,
        now: "DAILY-007 is in it, and has been read. 3 volumes have been read".to_owned(),
        ..request()
    };
    let hour = Some(Duration::from_secs(3600));
    let mail = written.mail("Example", "/etc/reelkeep/daily");
    insta::assert_snapshot!(format!(
        "{}\n\n{}\n\n{}\n\n{}\n\n{}\n\n{}\n\nSubject: {}\n\n{}\n\n{}",
        written.prompt(Place::Terminal, hour),
        written.prompt(Place::Away, hour),
        read.prompt(Place::Terminal, None),
        read.prompt(Place::Away, hour),
        next.prompt(Place::Terminal, None),
        next.prompt(Place::Away, hour),
        mail.subject,
        mail.text,
        next.mail("Example", "/etc/reelkeep/daily").text,
    ));
}

#[test]
fn an_answer_is_left_on_the_board_only_for_somebody_who_waits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("operator");
    let (mut waiting, other) = (Board::new(&path), Board::new(&path));
    assert!(matches!(other.answer(Answer::Loaded), Err(BoardError::NobodyWaits)));
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("answer"), "skip").unwrap();
    waiting.put_up("put volume X into drive Y").unwrap();
    assert_eq!(waiting.take_answer().unwrap(), Answer::None, "that was to an earlier question");
    assert_eq!(other.question().as_deref(), Some("put volume X into drive Y"));
    assert_eq!(other.answer(Answer::Skip).unwrap(), "put volume X into drive Y");
    assert_eq!(waiting.take_answer().unwrap(), Answer::Skip);
    assert_eq!(waiting.take_answer().unwrap(), Answer::None);
    waiting.take_down();
    assert!(matches!(other.answer(Answer::Loaded), Err(BoardError::NobodyWaits)));
}

#[test]
fn what_is_written_on_the_board_by_hand_is_understood() {
    let dir = tempfile::tempdir().unwrap();
    let mut board = Board::new(dir.path());
    board.put_up("?").unwrap();
    let cases = BTreeMap::from([
        ("", Answer::Loaded),
        ("loaded\n", Answer::Loaded),
        ("SKIP", Answer::Skip),
        ("q\n", Answer::GiveUp),
        ("perhaps tomorrow", Answer::None),
        ("\u{0}\u{ffff}", Answer::None),
    ]);
    for (text, answer) in cases {
        std::fs::write(dir.path().join("answer"), text).unwrap();
        assert_eq!(board.take_answer().unwrap(), answer, "{text:?}");
    }
    std::fs::write(dir.path().join("answer"), vec![b'x'; 1 << 20]).unwrap();
    assert_eq!(board.take_answer().unwrap(), Answer::None);
}

/// An operator who is told by mail.
struct ByMail {
    operator: Scripted,
    sending: Option<Sending>,
}

impl ByMail {
    /// Who answers as soon as the question stands there.
    fn desk(sending: Sending, tell: Tell) -> Desk {
        let operator = Scripted::new(vec![(SLICE, Box::new(|_| Answer::Loaded))]);
        Desk::new(Box::new(Self { operator, sending: Some(sending) }), tell)
    }
}

impl Operator for ByMail {
    fn place(&self) -> Place {
        self.operator.place()
    }

    fn ask(&mut self, request: &Request) -> Sending {
        let nothing = self.operator.ask(request);
        self.sending.take().unwrap_or(nothing)
    }

    fn wait(&mut self, longest: Duration) -> Answer {
        self.operator.wait(longest)
    }

    fn settled(&mut self) {
        self.operator.settled();
    }
}

fn no_recipients() -> MailError {
    MailError::Nobody { subject: "?".to_owned() }
}

#[test]
fn a_mailer_that_hangs_keeps_nobody_from_answering() {
    let (let_go, hangs) = crossbeam_channel::bounded::<()>(0);
    let sending = Sending::begin(move || hangs.recv().map_err(|_| no_recipients()));
    let desk = ByMail::desk(sending, Arc::new(|_| ()));
    assert!(desk.ask(&request(), HOUR, &mut || Seen::Empty).is_ok());
    drop(let_go);
}

#[test]
fn a_mail_that_was_not_sent_is_told_once() {
    let (failure, failed) = crossbeam_channel::bounded(1);
    failure.send(no_recipients()).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let tell: Tell = Arc::new(move |text| hears.lock().unwrap().push(text.to_owned()));
    let desk = ByMail::desk(Sending(Some(failed)), tell);
    assert!(desk.ask(&request(), HOUR, &mut || Seen::Empty).is_ok());
    let told = told.lock().unwrap();
    let failures = told.iter().filter(|text| text.contains("has no recipients"));
    assert_eq!(failures.count(), 1, "{told:?}");
}

#[test]
fn a_person_is_asked_though_the_mailer_does_not_come_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mailer, go) = (folder.path().join("mailer"), folder.path().join("go"));
    let script =
        format!("#!/bin/sh\nwhile ! [ -e {} ]; do sleep 0.1; done\nexit 3\n", go.display());
    std::fs::write(&mailer, script).unwrap();
    std::fs::set_permissions(&mailer, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings =
        config::Quickstart::new(folder.path().to_owned(), vec![folder.path().to_owned()]);
    let text = config::quickstart(&settings).unwrap();
    let mailing = format!("mailto = [\"root\"]\nmailer = \"{}\"\n", mailer.display());
    let text = text.replace("mailto = []", &mailing);
    std::fs::write(folder.path().join("reelkeep.toml"), text).unwrap();
    let config = config::load(folder.path()).unwrap();
    let site = Site::of(folder.path().to_owned(), config);
    let mut person = Person::of(&site);
    person.place = Place::Away;
    let sending = person.ask(&request());
    assert!(Board::new(&site.operator_board()).question().is_some());
    assert!(sending.failure().is_none());
    std::fs::write(&go, "").unwrap();
    let failure = sending.0.unwrap().recv().unwrap();
    assert!(matches!(failure, MailError::Program { .. }), "{failure:?}");
    person.settled();
}
