//! Nights in which several things go wrong, as the dice fall: behind the single faults, which are tried one by one.
//!
//! ```text
//! REELKEEP_SEED=4711 cargo test -p server dice     the night of this seed, and those after it
//! REELKEEP_LONG=1                                  hundreds of nights
//! ```
//!
//! Left out is what no program can make good in the night: blocks that turn bad once they are written, a tape that
//! somebody else rewinds behind a reservation, and a device that is gone until a person comes.

use devices::emulator::{Act, FaultPlan, Rule};

use super::world::{Make, World};
use super::{HARDWARE_ERROR, MEDIUM_ERROR};

const FEW: u64 = 5;
const MANY: u64 = 300;

/// Commands among which the faults fall: as many as a night has that meets none.
const COMMANDS: u64 = 250;

struct Dice(u64);

impl Dice {
    /// Below `most`. The first bits of a linear generator are the good ones.
    fn roll(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn fault(&mut self) -> Act {
        match self.roll(9) {
            0 => Act::Check(MEDIUM_ERROR),
            1 => Act::Check(HARDWARE_ERROR),
            2 => Act::CheckAfter(MEDIUM_ERROR),
            3 => Act::Deferred(MEDIUM_ERROR),
            4 => Act::Reset,
            5 => Act::TimeOut,
            6 => Act::TimeOutAfter,
            7 => Act::PowerCut,
            _ => Act::Lie,
        }
    }

    fn plan(&mut self) -> FaultPlan {
        let mut plan = FaultPlan::default();
        for _ in 0..2 + self.roll(3) {
            plan.rules.push(Rule::new(self.fault()).nth(1 + self.roll(COMMANDS)));
        }
        plan
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn several_faults_in_a_night_lose_no_dump_whatever_the_dice_say() {
    let first = number("REELKEEP_SEED").unwrap_or(1);
    let many = number("REELKEEP_LONG").is_some_and(|long| long > 0);
    for seed in first..first + if many { MANY } else { FEW } {
        eprintln!("REELKEEP_SEED={seed}");
        live_through(seed);
    }
}

fn live_through(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut world = World::new(Make { cartridges: 8, megabytes: 6, ..Make::default() });
    for number in 1..=2 {
        world.hold(number, 10 + usize::try_from(dice.roll(20)).unwrap());
    }
    world.break_with(dice.plan());
    let morning = world.try_night();
    let struck = world.tapes.struck();
    world.heal();
    world.assert_all_restore();
    let next = world.night();
    assert_eq!(world.placed().len(), 2, "{struck:?}: {morning}; and then {}", next.told());
    world.assert_all_placed();
}
