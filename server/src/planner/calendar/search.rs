//! The search for level nights: which full is moved where.
//!
//! One full after the other, the largest first, gets the night where it evens out the most. When none gains by that any
//! more, large fulls are looked at again: a night may be right for one if the others there go out of its way first.
//! Every step lowers what all nights cost together, so it ends; and none makes a night fuller than the fullest was.

use std::cmp::Reverse;

use super::{BYTES, Calendar, Coming, Night};
use crate::planner::hours::Hours;

/// What the loss of a whole cycle of a full counts where one looks ahead a week, by the same measure as a night that has
/// its size too much.
const EARLY: f64 = 0.5;
/// A full that is more than this share of a night is large.
const LARGE: f64 = 0.1;
/// A night that has less than this share more than the one with the least is left alone.
const ALIKE: f64 = 0.05;
/// A gain smaller than this is none.
const LEAST: f64 = 1e-6;
/// So many large fulls are looked at again, and so many others that might go out of the way of one.
const AGAIN: usize = 16;
/// So often all fulls are looked at.
const PASSES: usize = 3;

impl Calendar<'_> {
    /// What it adds to the cost if this full is made that night and every cycle from then on.
    fn price(&self, full: &Coming, night: i64) -> f64 {
        let work = self.work(full);
        let nights = self.every(full, night).map(|at| {
            let night = &self.nights[at];
            let millis = night.hours.millis_with(self.ways, full.at, work, night.millis);
            let storages = night.hours.storages().iter().enumerate();
            let with = storages.map(|(number, bytes)| {
                bytes + if work.storages.contains(&number) { work.bytes } else { 0 }
            });
            let bytes = night.bytes + work.bytes;
            if bytes > self.peak.0 || millis > self.peak.1 {
                return f64::INFINITY;
            }
            self.cost(with, bytes, millis) - night.cost
        });
        nights.sum::<f64>() + self.early() * self.lost(full, night)
    }

    /// The further one looks ahead, the more nights gain by what is lost once.
    fn early(&self) -> f64 {
        EARLY * (self.nights.len() as f64 / 7.0).sqrt()
    }

    /// What is done once more often, in nights, if it is made so early.
    fn lost(&self, full: &Coming, night: i64) -> f64 {
        let work = full.millis as f64 / (self.millis * self.ways.inparallel());
        (full.bytes as f64 / self.bytes).max(work) * (full.due - night) as f64
            / full.cycle.max(1) as f64
    }

    /// Moves fulls until no move makes the nights more alike.
    pub(in crate::planner) fn level(&mut self) {
        let size =
            |full: &Coming| (full.bytes as f64 / self.bytes).max(full.millis as f64 / self.millis);
        let mut order: Vec<(f64, usize)> = (0..self.coming.len())
            .filter(|&number| !self.coming[number].fixed)
            .map(|number| (size(&self.coming[number]), number))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let nights = self.nights_with_runs();
        for _ in 0..PASSES {
            let (b, m) = self.least(&nights);
            let worth = |calendar: &Self, number: usize| {
                let night = calendar.night(calendar.coming[number].night);
                night.is_none_or(|night| {
                    BYTES * (night.bytes as f64 / calendar.bytes - b)
                        + (night.millis as f64 / calendar.millis - m.max(1.0)).max(0.0)
                        > ALIKE
                })
            };
            let moved = order
                .iter()
                .filter(|(_, number)| worth(self, *number) && self.improve(*number, &nights))
                .count();
            if moved == 0 {
                break;
            }
        }
        order.retain(|(size, _)| *size > LARGE);
        for (_, number) in order.into_iter().take(AGAIN) {
            self.make_room(number, &nights);
        }
    }

    /// Moves a large full to another night if the others of that night can go out of its way.
    fn make_room(&mut self, number: usize, nights: &[i64]) {
        let full = self.coming[number].clone();
        let here = |night: &Night| {
            night.bytes as f64 / self.bytes > 1.0 + LARGE
                || night.millis as f64 / self.millis > 1.0 + LARGE
        };
        if !self.night(full.night).is_some_and(here) {
            return;
        }
        let mut best = (self.total() - LEAST, Vec::new());
        for &night in nights {
            if night < full.earliest || night > full.due || night == full.night {
                continue;
            }
            let mut moved = vec![(number, full.night)];
            self.put(number, night);
            let mut others: Vec<usize> = (0..self.coming.len())
                .filter(|&other| other != number && self.stands_on(other, night))
                .collect();
            let bytes = |&other: &usize| Reverse(self.coming[other].bytes);
            others.sort_by_key(bytes);
            for other in others.into_iter().take(AGAIN) {
                let before = self.coming[other].night;
                if self.improve(other, nights) {
                    moved.push((other, before));
                }
            }
            let after: Vec<_> =
                moved.iter().map(|(one, _)| (*one, self.coming[*one].night)).collect();
            let (bytes, millis) = self.peaks();
            let higher = bytes > self.peak.0 || millis > self.peak.1;
            let total = if higher { f64::INFINITY } else { self.total() };
            for (one, before) in moved.into_iter().rev() {
                self.put(one, before);
            }
            if total < best.0 {
                best = (total, after);
            }
        }
        for (one, night) in best.1 {
            self.put(one, night);
        }
    }

    fn stands_on(&self, number: usize, night: i64) -> bool {
        let full = &self.coming[number];
        let from = night - full.night;
        !full.fixed && from >= 0 && from % full.cycle.max(1) == 0
    }

    fn total(&self) -> f64 {
        let lost = self.coming.iter().map(|full| self.lost(full, full.night)).sum::<f64>();
        self.nights.iter().map(|night| night.cost).sum::<f64>() + self.early() * lost
    }

    fn put(&mut self, number: usize, night: i64) {
        let now = self.coming[number].night;
        self.change(number, now, Hours::remove, u64::saturating_sub);
        self.settle(number, now);
        self.coming[number].night = night;
        self.change(number, night, Hours::add, u64::saturating_add);
        self.settle(number, night);
    }

    /// Where a full may go: of nights that are as good, the last, where it loses the least.
    fn nights_with_runs(&self) -> Vec<i64> {
        let nights = (0..).zip(&self.nights).filter(|(_, night)| night.runs);
        let mut nights: Vec<i64> = nights.map(|(at, _)| at).collect();
        nights.reverse();
        nights
    }

    /// The least that any of these nights has, of either, by the level.
    fn least(&self, nights: &[i64]) -> (f64, f64) {
        let nights = || nights.iter().filter_map(|at| self.night(*at));
        let bytes = nights().map(|night| night.bytes as f64 / self.bytes);
        let millis = nights().map(|night| night.millis as f64 / self.millis);
        (bytes.fold(f64::INFINITY, f64::min), millis.fold(f64::INFINITY, f64::min))
    }

    pub(super) fn night(&self, at: i64) -> Option<&Night> {
        self.nights.get(usize::try_from(at).ok()?)
    }

    /// Gives one full the night where it evens out the most.
    fn improve(&mut self, number: usize, candidates: &[i64]) -> bool {
        let full = self.coming[number].clone();
        let now = full.night;
        self.change(number, now, Hours::remove, u64::saturating_sub);
        self.settle(number, now);
        let mut best = (self.price(&full, now) - LEAST, now);
        for &night in candidates {
            if night < full.earliest || night > full.due || night == now {
                continue;
            }
            let price = self.price(&full, night);
            if price < best.0 {
                best = (price, night);
            }
        }
        self.coming[number].night = best.1;
        self.change(number, best.1, Hours::add, u64::saturating_add);
        self.settle(number, best.1);
        best.1 != now
    }
}
