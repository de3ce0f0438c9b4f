//! The stories: the real programs on real trees.
//!
//! Each file tells one, and its test's name is the fact that it shows. They run `reelkeep` and `reelkeep-agent` as
//! built beside this test, make their trees with `tests/gen`, and hold what comes back against manifests made by a
//! program that shares nothing with ours. All are ignored by a bare `cargo test`: they want root and stock tools, and
//! take their time. `buildbot/run stories` runs them; `REELKEEP_LONG=1` makes them long.

#![expect(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod post;
mod programs;
mod site;
mod trees;
mod volumes;

mod alone;
mod amanda;
mod by_hand;
mod clock;
mod crash;
mod damage;
mod ended;
mod first_command;
mod forty;
mod hangs;
mod levels;
mod lost;
mod pool;
mod pressure;
mod read;
mod read_only;
mod scripts;
mod storages;
mod tape;
mod tape_vm;
mod week;
