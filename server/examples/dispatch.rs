//! What the dispatcher itself costs: a night of 10 000 DLEs, or as many as are asked for.
//!
//! `cargo run --release -p server --example dispatch [DLES [DUMPERS]]` plans fulls of all of them, and answers every action
//! at once, in the order in which they come. Prints how long the plan took and how long all decisions of the night.

#![expect(clippy::print_stdout, reason = "printing figures is what this program is for")]

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use server::dispatcher::{
    Action, Disk, Dispatcher, Event, Manner, Outcome, Site, Start, Taper, Thresholds, To,
};
use server::planner::{
    Capacity, DleFacts, Estimate, Estimates, Limits, Plan, Source, Storage, Today, Tonight, plan,
};
use types::{Bytes, DleRef, DriveId, DumpId, Label, Level, StorageName};

const GIB: u64 = 1 << 30;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let dles = arguments.next().transpose()?.unwrap_or(10_000);
    let dumpers = arguments.next().transpose()?.unwrap_or(50);
    let start = Instant::now();
    let plan = planned(dles, dumpers)?;
    println!("{dles} DLEs planned in {:.2} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let (events, dispatcher) = night(&plan, usize::try_from(dumpers)?)?;
    let placed = |(_, outcome): &(&DleRef, Option<&Outcome>)| {
        matches!(outcome, Some(Outcome::Placed { .. }))
    };
    println!(
        "{} of {} dumps placed; {events} events decided upon in {:.2} s",
        dispatcher.outcomes().filter(placed).count(),
        plan.dumps().len(),
        start.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// Fulls of all of them, ten on each host.
fn planned(dles: u32, dumpers: u32) -> anyhow::Result<Plan> {
    let mut facts = Vec::new();
    let mut estimates = BTreeMap::new();
    for number in 0..dles {
        let dle = DleRef {
            host: format!("host{}", number / 10).parse()?,
            dle: format!("/d{number}").parse()?,
        };
        let stored = Bytes(u64::from(number % 37 + 1) * GIB);
        let full = Estimate {
            raw: stored,
            stored,
            seconds: number % 600 + 1,
            off: 0,
            source: Source::Client,
        };
        let levels = BTreeMap::from([(Level::FULL, full)]);
        estimates.insert(dle.clone(), Estimates { levels, failed: None });
        facts.push(DleFacts::new(dle));
    }
    let capacity = Capacity {
        volume: Bytes(18_000 * GIB),
        runtapes: 1000,
        held: Bytes::ZERO,
        limit: None,
        filemark: Bytes::ZERO,
        block: Bytes(512 << 10),
        part: None,
    };
    Ok(plan(&Tonight {
        today: Today::default(),
        dles: facts,
        estimates,
        storages: vec![Storage { name: "tape".to_owned(), capacity, speed: None }],
        dumpcycle: 10,
        runs_per_cycle: 10,
        limits: Limits { minutes: None, inparallel: dumpers, interfaces: vec![Bytes(GIB)] },
    }))
}

/// Carries the plan out. How many events that were, and the dispatcher at the end.
fn night(plan: &Plan, dumpers: usize) -> anyhow::Result<(u64, Dispatcher)> {
    let storage: StorageName = "tape".parse()?;
    let drive = |name: &str| -> anyhow::Result<DriveId> {
        Ok(DriveId { changer: "robot".parse()?, drive: name.parse()? })
    };
    let taper = Taper {
        storage,
        drives: vec![drive("left")?, drive("right")?],
        without: None,
        at_once: 2,
        runtapes: 1000,
        length: Bytes(18_000 * GIB),
        images_per_volume: None,
        algorithm: server::dispatcher::Algorithm::default(),
        thresholds: Thresholds::default(),
    };
    let site = Site {
        inparallel: dumpers,
        dumporder: Vec::new(),
        interfaces: BTreeMap::new(),
        disks: vec![Disk { room: Bytes(20_000 * GIB), chunk: Bytes(GIB) }; 2],
        reserve: 100,
        tapers: vec![taper],
    };
    let manners: BTreeMap<DleRef, Manner> =
        plan.dumps().iter().map(|dump| (dump.dle.clone(), Manner::default())).collect();
    let mut next = 0;
    let ids = Box::new(move || {
        next += 1;
        DumpId::new(next, [0; 10])
    });
    let mut world =
        World { sizes: BTreeMap::new(), volumes: 0, queue: VecDeque::from([Event::Started]) };
    let mut dispatcher = Dispatcher::new(plan, &manners, site, &[], ids);
    let mut events = 0;
    while let Some(event) = world.queue.pop_front() {
        events += 1;
        for action in dispatcher.apply(event) {
            world.carry_out(action)?;
        }
    }
    Ok((events, dispatcher))
}

/// Clients and drives that do what they are told, at once.
struct World {
    sizes: BTreeMap<DumpId, (Bytes, Vec<server::dispatcher::Share>)>,
    volumes: u32,
    queue: VecDeque<Event>,
}

impl World {
    fn carry_out(&mut self, action: Action) -> anyhow::Result<()> {
        let answer = match action {
            Action::StartDump { dump, to: To::Holding(space), .. } => {
                let (stored, on) = (space.bytes(), space.shares().to_vec());
                self.sizes.insert(dump, (stored, on.clone()));
                Event::Held { dump, raw: stored, stored, on }
            }
            Action::StartDump { dump, to: To::Drive(drive), .. } => {
                Event::ImagePlaced { drive, dump }
            }
            Action::LookForVolume { drive, .. } => Event::VolumeFound { drive },
            Action::MountVolume { drive, again, .. } => {
                self.volumes += 1;
                let new = || format!("V{}", self.volumes).parse::<Label>();
                let label = again.map_or_else(new, Ok)?;
                Event::VolumeMounted {
                    drive,
                    label,
                    room: Some(Bytes(18_000 * GIB)),
                    start: Start::New,
                }
            }
            Action::WriteImage { drive, dump } => Event::ImagePlaced { drive, dump },
            Action::EndImage { drive, dump, .. } => Event::ImageEnded { drive, dump },
            Action::FinishVolume { drive } => Event::VolumeFinished { drive },
            Action::AbortDump { .. }
            | Action::MoreRoom { .. }
            | Action::WakeAt(_)
            | Action::GiveUp { .. }
            | Action::Release { .. }
            | Action::Done => return Ok(()),
        };
        self.queue.push_back(answer);
        Ok(())
    }
}
