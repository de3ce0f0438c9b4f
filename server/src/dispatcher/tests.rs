//! The dispatcher in a small world, by hand and by chance.
//!
//! `world` carries actions out as a loop with disks and drives would, and checks every action against the
//! limits. The tests here are nights in it: told ones, where each thing happens as the test says, and
//! random ones, where anything may fail at any time. In all of them the queue of the jobs is compared with `oracle`.

mod knobs;
mod nights;
mod oracle;
mod reasons;
mod storages;
mod world;
