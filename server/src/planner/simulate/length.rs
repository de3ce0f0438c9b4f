//! How long a night really takes: dumpers that each begin the longest dump that may begin.
//!
//! The planner reckons with bounds from below; here the dumps are laid out one by one, as a dispatcher would, on hosts
//! that take only so many at once. What passes an interface or is written by drives goes on beside them, and the night
//! ends when the last is done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use types::Bytes;

use crate::planner::facts::{Limits, Storage};

/// One dump, for the time that it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    /// Whose turn it is: a number for each host.
    pub(super) host: usize,
    /// So many go on at once there.
    pub(super) side_by_side: u32,
    /// Not before that.
    pub(super) wait: u64,
    pub(super) seconds: u64,
}

/// How long it takes to dump all of these.
pub(super) fn of_dumps(jobs: &mut [Job], inparallel: u32) -> u64 {
    // The longest of each host first.
    jobs.sort_by_key(|job| (job.host, Reverse(job.wait + job.seconds), job.seconds));
    let hosts: Vec<&[Job]> = jobs.chunk_by(|a, b| a.host == b.host).collect();
    let total = |jobs: &[Job]| jobs.iter().map(|job| job.seconds).sum::<u64>();
    // What may begin: of each host with a free place its next dump, the host with the most to do first.
    let mut open: BinaryHeap<(u64, Reverse<usize>)> = BinaryHeap::new();
    let mut next: Vec<(usize, u64)> = hosts.iter().map(|jobs| (0, total(jobs))).collect();
    for (at, jobs) in hosts.iter().enumerate() {
        let places = jobs.first().map_or(0, |job| job.side_by_side.max(1) as usize);
        for _ in 0..places.min(jobs.len()) {
            open.push((next[at].1, Reverse(at)));
        }
    }
    let mut running: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let (mut now, mut end) = (0, 0);
    loop {
        while running.len() < inparallel.max(1) as usize
            && let Some((_, Reverse(at))) = open.pop()
        {
            let (place, rest) = &mut next[at];
            let Some(job) = hosts[at].get(*place) else { continue };
            (*place, *rest) = (*place + 1, *rest - job.seconds);
            running.push(Reverse((now.max(job.wait) + job.seconds, at)));
        }
        let Some(Reverse((done, at))) = running.pop() else { return end };
        (now, end) = (done, end.max(done));
        open.push((next[at].1, Reverse(at)));
    }
}

/// How long interfaces and drives need for what passes them.
pub(super) fn of_bytes(
    passed: &[u64],
    written: &[Bytes],
    limits: &Limits,
    storages: &[Storage],
) -> u64 {
    let passing = passed.iter().zip(&limits.interfaces).map(|(bytes, rate)| bytes / rate.0.max(1));
    let writing = written
        .iter()
        .zip(storages)
        .filter_map(|(bytes, storage)| storage.speed.map(|speed| bytes.0 / speed.0.max(1)));
    passing.chain(writing).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_take_turns_and_dumpers_are_few() {
        let job = |host, seconds| Job { host, side_by_side: 1, wait: 0, seconds };
        let rows: [(&[Job], u32, u64); 6] = [
            (&[], 3, 0),
            (&[job(0, 5), job(1, 7)], 2, 7),
            (&[job(0, 5), job(1, 7)], 1, 12),
            (&[job(0, 5), job(0, 7)], 2, 12),
            (&[job(0, 4), job(0, 4), job(1, 7)], 2, 8),
            (&[Job { wait: 10, ..job(0, 1) }, job(1, 3)], 2, 11),
        ];
        for (jobs, inparallel, seconds) in rows {
            assert_eq!(of_dumps(&mut jobs.to_vec(), inparallel), seconds, "{jobs:?}");
        }
        let two = Job { host: 0, side_by_side: 2, wait: 0, seconds: 6 };
        assert_eq!(of_dumps(&mut [two, two], 2), 6);
    }
}
