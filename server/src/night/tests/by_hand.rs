//! Nights on one drive, whose cartridges a person changes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use devices::emulator::serve::Home;
use devices::emulator::{
    CartridgeSetup, DriveModel, Generation, Library as Emulator, Lun, Nexus, Setup, Spot,
};
use devices::ssc::{self, TapeDrive};
use devices::{Drive as _, Met, Wrote};
use tempfile::TempDir;
use types::{BlockSize, Bytes};

use super::super::*;
use super::world::{SMALL_TAPES, World};
use crate::operator::scripted::{Act, Scripted};
use crate::operator::{Answer, Desk, Request, Wanted};

const FOREVER: usize = 100;
const MINUTE: Duration = Duration::from_secs(60);

/// A drive, cartridges on a shelf, and an operator.
struct Desktop {
    world: World,
    heard: Arc<Mutex<Vec<Request>>>,
    said: Arc<Mutex<Vec<String>>>,
}

/// A site with a single drive, of which the cartridges hold so many megabytes. `acts` is what the operator does
/// when asked, each a minute later.
fn desktop(megabytes: u64, acts: impl FnOnce(&Emulator) -> Vec<Act>) -> Desktop {
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut setup = Setup::of(&DriveModel::ibm(Generation::Lto8), 1, 10, 0);
    for slot in 0..8 {
        let barcode = format!("RK{:04}L8", slot + 1);
        let blank = CartridgeSetup::blank(Spot::Slot(slot), &barcode, Generation::Lto8);
        setup = setup.with(blank.holding(Bytes(megabytes * 1_000_000)));
    }
    Home::create(&root.join("library"), &setup).unwrap();
    let mut world = World::with_configuration(folder, &configuration(&root.display().to_string()));
    let acts = acts(&world.tapes).into_iter().map(|act| (MINUTE, act)).collect();
    let scripted = Scripted::new(acts);
    let (heard, said) = (scripted.heard(), Arc::new(Mutex::new(Vec::new())));
    let hears = Arc::clone(&said);
    let tell = move |text: &str| hears.lock().unwrap().push(text.to_owned());
    world.operator = Some(Desk::new(Box::new(scripted), Arc::new(tell)));
    Desktop { world, heard, said }
}

fn configuration(root: &str) -> String {
    format!(
        r#"
[site]
org = "Desk"
runtapes = 6
tapecycle = 20
[storage.tape]
autolabel = "N-%%"
device-output-buffer-size = "1 MiB"
[changer.desk]
type = "single"
drive = "{root}/library"
{SMALL_TAPES}"#
    )
}

/// Takes out what the drive has let go of, and puts this cartridge in.
fn put_in(tapes: &Emulator, barcode: &str) {
    let person = tapes.operator();
    person.open_door().unwrap();
    if tapes.operator().look().iter().any(|seen| seen.place == Spot::Drive(0) && seen.full) {
        person.take(Spot::Drive(0)).unwrap();
    }
    if let Some(place) = person.find(barcode).filter(|place| !matches!(place, Spot::Outside(_))) {
        person.take(place).unwrap();
    }
    person.put(barcode, Spot::Drive(0)).unwrap();
    person.close_door().unwrap();
}

/// Puts this cartridge in, and says nothing.
fn puts_in(tapes: &Emulator, barcode: &str) -> Act {
    let (tapes, barcode) = (tapes.clone(), barcode.to_owned());
    Box::new(move |_| {
        put_in(&tapes, &barcode);
        Answer::None
    })
}

/// Puts the volume in that is asked for: N-01 is on the first cartridge, and so on.
fn librarian(tapes: &Emulator) -> Vec<Act> {
    let act = |tapes: Emulator| -> Act {
        Box::new(move |request| {
            if let Wanted::Volume(label) = &request.wanted {
                put_in(&tapes, &format!("RK00{}L8", &label.as_str()[2..]));
            }
            Answer::None
        })
    };
    std::iter::repeat_with(|| act(tapes.clone())).take(FOREVER).collect()
}

fn says(answer: Answer) -> Act {
    Box::new(move |_| answer)
}

/// Writes something that is nobody's volume.
fn scribble_on(tapes: &Emulator, barcode: &str) {
    put_in(tapes, barcode);
    let setup = ssc::Setup { block: BlockSize::HEADER, ..ssc::Setup::default() };
    let mut drive =
        TapeDrive::new("other".parse().unwrap(), tapes.transport(Lun(1), Nexus(1)), setup);
    drive.wait_until_ready(&mut |_| devices::Wait::GoOn).unwrap();
    drive.rewind().unwrap();
    assert_eq!(drive.write_block(&vec![b'#'; BlockSize::HEADER.len()]).unwrap(), Wrote::Block);
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
}

impl Desktop {
    fn asked(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|request| request.now.clone()).collect()
    }
}

#[test]
fn nobody_is_asked_when_the_right_cartridge_is_in_the_drive() {
    let mut desk = desktop(16, |_| Vec::new());
    put_in(&desk.world.tapes, "RK0001L8");
    desk.world.hold(1, 20);
    let first = desk.world.night();
    assert_eq!(first.outcome, Outcome::Good, "{}", first.told());
    desk.world.hold(2, 5);
    let second = desk.world.night();
    assert_eq!(second.outcome, Outcome::Good, "{}", second.told());
    assert!(second.report.volumes[0].how.contains("written on"), "{:?}", second.report.volumes);
    assert_eq!(desk.asked(), [""; 0]);
    desk.world.assert_all_placed();
    let volume = desk.world.catalogue().volume(&"N-01".parse().unwrap()).unwrap();
    assert_eq!(volume.slot, None, "where a person keeps it, nobody knows");
}

#[test]
fn an_image_goes_on_over_the_cartridges_that_are_put_in_and_is_read_in_that_order() {
    let mut desk = desktop(8, |tapes| {
        let mut acts = vec![puts_in(tapes, "RK0002L8"), puts_in(tapes, "RK0003L8")];
        acts.extend(librarian(tapes));
        acts
    });
    put_in(&desk.world.tapes, "RK0001L8");
    desk.world.hold(1, 120);
    let morning = desk.world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    let labels: Vec<_> = morning.report.volumes.iter().map(|v| v.label.to_string()).collect();
    assert_eq!(labels, ["N-01", "N-02", "N-03"]);
    insta::assert_snapshot!("spanned_by_hand", morning.told());
    let asked = desk.heard.lock().unwrap().len();
    assert_eq!(asked, 2, "{:?}", desk.asked());
    desk.world.assert_all_placed();
    let heard = desk.heard.lock().unwrap();
    let wanted: Vec<_> = heard[asked..].iter().map(|request| request.title()).collect();
    assert_eq!(wanted.len(), 3, "{wanted:?}");
    for (title, label) in wanted.iter().zip(["N-01", "N-02", "N-03"]) {
        assert!(title.contains(&format!("put volume {label} into drive drive0")), "{title}");
    }
}

#[test]
fn a_lost_catalogue_comes_back_from_one_cartridge_after_another_until_that_was_all() {
    let mut desk = desktop(8, |tapes| {
        let mut acts = vec![puts_in(tapes, "RK0002L8"), puts_in(tapes, "RK0003L8")];
        // The last is still in the drive; one comes twice, and one is blank.
        for barcode in ["RK0001L8", "RK0003L8", "RK0005L8", "RK0002L8"] {
            acts.push(puts_in(tapes, barcode));
        }
        acts.push(says(Answer::Skip));
        acts.extend(librarian(tapes));
        acts
    });
    put_in(&desk.world.tapes, "RK0001L8");
    desk.world.hold(1, 120);
    assert_eq!(desk.world.night().outcome, Outcome::Good);
    let asked = desk.asked().len();
    let (site, before) = (&desk.world.site, desk.world.catalogue());
    std::fs::remove_dir_all(&site.config.site.indexdir).unwrap();
    std::fs::create_dir(&site.config.site.indexdir).unwrap();
    let mut lost = taper::catalogue::Catalogue::in_memory().unwrap();
    let (now, operator) = (Now::read().stamp(), desk.world.operator.as_ref().unwrap());
    let mode = crate::rebuild::Mode::ForReal;
    let rebuilt =
        crate::rebuild::rebuild(site, &mut lost, mode, now, operator, &mut |_| {}).unwrap();
    assert_eq!(rebuilt.troubles, [""; 0]);
    assert_eq!((rebuilt.volumes, rebuilt.completed, rebuilt.indexes), (3, 1, 1));
    let labels = |catalogue: &taper::catalogue::Catalogue| -> Vec<_> {
        catalogue.volumes().unwrap().into_iter().map(|volume| volume.label).collect()
    };
    assert_eq!(labels(&lost), labels(&before));
    let heard = desk.heard.lock().unwrap();
    let question = |it: &Request| {
        let title = Request { device: "/dev/nst0".to_owned(), ..it.clone() }.title();
        format!("{title}\n  Now: {}", it.now)
    };
    let questions: Vec<_> = heard[asked..].iter().map(question).collect();
    insta::assert_snapshot!("rebuilt_by_hand", questions.join("\n"));
    let told = desk.said.lock().unwrap().join("\n");
    assert!(told.contains("needed for that, in this order: N-03"), "{told}");
}

#[test]
fn a_cartridge_with_other_data_is_told_and_not_written_on() {
    let mut desk =
        desktop(16, |tapes| vec![puts_in(tapes, "RK0001L8"), puts_in(tapes, "RK0002L8")]);
    scribble_on(&desk.world.tapes, "RK0001L8");
    desk.world.hold(1, 10);
    let morning = desk.world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    insta::assert_snapshot!("foreign_by_hand", morning.told());
    assert_eq!(desk.asked().len(), 2);
    desk.world.assert_all_placed();
    put_in_after_giving_out(&desk.world.tapes, "RK0001L8");
    let setup = ssc::Setup { block: BlockSize::HEADER, ..ssc::Setup::default() };
    let transport = desk.world.tapes.transport(Lun(1), Nexus(1));
    let mut drive = TapeDrive::new("other".parse().unwrap(), transport, setup);
    drive.wait_until_ready(&mut |_| devices::Wait::GoOn).unwrap();
    drive.rewind().unwrap();
    let mut block = vec![0; BlockSize::HEADER.len()];
    assert_eq!(drive.read_block(&mut block).unwrap(), Met::Block(BlockSize::HEADER.len()));
    assert_eq!(block, vec![b'#'; BlockSize::HEADER.len()], "it is as it was");
}

#[test]
fn a_run_goes_on_without_a_volume_when_nobody_comes() {
    let mut desk = desktop(16, |_| Vec::new());
    desk.world.hold(1, 10);
    let morning = desk.world.night();
    assert_eq!(morning.outcome, Outcome::Failed);
    insta::assert_snapshot!("nobody_came", morning.told());
    assert_eq!(desk.world.catalogue().held().unwrap().len(), 1, "it waits for the next run");
    desk.world.assert_all_restore();
}

#[test]
fn a_run_goes_on_without_a_volume_when_the_operator_says_so() {
    let mut desk = desktop(16, |_| vec![says(Answer::Skip)]);
    desk.world.hold(1, 10);
    let morning = desk.world.night();
    assert_eq!(morning.outcome, Outcome::Failed);
    assert!(morning.told().contains("the operator said to go on without it"), "{}", morning.told());
    assert_eq!(desk.asked().len(), 1);
    desk.world.assert_all_restore();
}

#[test]
fn nobody_is_asked_where_a_run_does_not_wait() {
    let mut desk = desktop(16, |_| vec![says(Answer::Skip)]);
    for storage in &mut desk.world.site.config.storages {
        if let config::ChangerKind::Single { patience, .. } = &mut storage.changer.kind {
            *patience = None;
        }
    }
    desk.world.hold(1, 10);
    let morning = desk.world.night();
    assert_eq!(morning.outcome, Outcome::Failed);
    assert_eq!(desk.asked(), [""; 0]);
    assert!(morning.told().contains("it is empty"), "{}", morning.told());
}

#[test]
fn a_volume_that_the_operator_does_not_find_is_passed_over() {
    let mut desk = desktop(16, |_| vec![says(Answer::GiveUp)]);
    put_in(&desk.world.tapes, "RK0001L8");
    let dump = desk.world.hold(1, 10);
    assert_eq!(desk.world.night().outcome, Outcome::Good);
    put_in_after_giving_out(&desk.world.tapes, "RK0002L8");
    let catalogue = desk.world.catalogue();
    let located = catalogue.dump(dump).unwrap();
    let mut libraries = desk.world.libraries();
    let mut open = |name: &_| libraries.library(name);
    let mut image = crate::restore::image::Image::open(&located, &catalogue, &mut open).unwrap();
    for _ in 0..2 {
        let error = image.read_at(0, &mut [0; 10]).unwrap_err();
        let text = with_causes(&error);
        assert!(text.contains("the operator gave up"), "{text}");
    }
    assert_eq!(desk.asked(), ["a blank cartridge is in it"], "once is enough");
    assert_eq!(desk.said.lock().unwrap().len(), 1);
}

/// The drive lets go of what it has, and gets this.
fn put_in_after_giving_out(tapes: &Emulator, barcode: &str) {
    let setup = ssc::Setup::default();
    let transport = tapes.transport(Lun(1), Nexus(1));
    TapeDrive::new("other".parse().unwrap(), transport, setup).unload().unwrap();
    put_in(tapes, barcode);
}

#[test]
fn what_is_in_the_drive_is_labelled_and_an_empty_drive_is_told() {
    use crate::labelling::{NotLabelled, Order, label};
    let desk = desktop(16, |_| Vec::new());
    let config = &desk.world.site.config;
    let mut catalogue = desk.world.catalogue();
    let now = Now::read().stamp();
    let mut order = |order: &Order| label(config, &config.storages[0], &mut catalogue, order, now);
    let error = order(&Order::default()).unwrap_err();
    assert!(with_causes(&error).contains("there is no cartridge in drive drive0"), "{error}");
    put_in(&desk.world.tapes, "RK0001L8");
    assert_eq!(order(&Order::default()).unwrap().label.as_str(), "N-01");
    let error = order(&Order::default()).unwrap_err();
    assert!(matches!(error, NotLabelled::NotBlank { .. }), "{error}");
    assert_eq!(desk.asked(), [""; 0], "who labels knows what is in the drive");
}
