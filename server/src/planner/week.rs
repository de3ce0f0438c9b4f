//! The week: on which of the days to come there is a run, and what incrementals are on each.

use super::facts::{Day, DleFacts, Tonight};

/// Days of a week. Day 0, 1970-01-01, was a Thursday.
const WEEK: i64 = 7;

/// What is known of the days of the week.
#[derive(Clone, Debug)]
pub(super) struct Week {
    /// What incrementals of that day are by what they are in the mean.
    shares: [f64; 7],
    runs_a_day: f64,
}

/// What was seen of one day of the week.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    stored: f64,
    expected: f64,
    newest: Option<Day>,
    days: f64,
}

impl Week {
    pub(super) fn new(tonight: &Tonight) -> Self {
        let runs_a_day =
            f64::from(tonight.runs_per_cycle.max(1)) / f64::from(tonight.dumpcycle.max(1));
        Self { shares: shares(&tonight.dles), runs_a_day: runs_a_day.min(1.0) }
    }

    /// What incrementals of that day are by what they are in the mean.
    pub(super) fn share(&self, today: Day, in_days: i64) -> f64 {
        self.shares[weekday(Day(today.0.saturating_add(in_days)))]
    }

    /// Runs that are fewer than days stand for those that will be, evenly.
    pub(super) fn has_run(&self, _today: Day, in_days: i64) -> bool {
        in_days == 0 || self.runs_until(in_days) > self.runs_until(in_days - 1)
    }

    pub(super) fn runs_a_day(&self) -> f64 {
        self.runs_a_day
    }

    fn runs_until(&self, in_days: i64) -> f64 {
        (in_days as f64 * self.runs_a_day).floor()
    }
}

fn weekday(day: Day) -> usize {
    usize::try_from(day.0.rem_euclid(WEEK)).unwrap_or(0)
}

/// Pooled over all DLEs: what one tells of its weekend, fifty tell better.
fn shares(dles: &[DleFacts]) -> [f64; 7] {
    let mut seen = [Seen::default(); 7];
    for dle in dles {
        let incrementals = || dle.history.iter().filter(|row| !row.level.is_full());
        let (count, sum) = incrementals()
            .fold((0.0, 0.0), |(count, sum), row| (count + 1.0, sum + row.stored.0 as f64));
        if count < 1.0 {
            continue;
        }
        for row in incrementals() {
            let day = &mut seen[weekday(row.day)];
            day.stored += row.stored.0 as f64;
            day.expected += sum / count;
            if day.newest.is_none_or(|newest| newest < row.day) {
                day.newest = Some(row.day);
                day.days += 1.0;
            }
        }
    }
    let share = |day: Seen| {
        if day.expected <= 0.0 {
            return 1.0;
        }
        // Seen once, a day's peculiarity is half believed; seen four times, four fifths of it.
        let trust = day.days / (day.days + 1.0);
        1.0 + (day.stored / day.expected - 1.0) * trust
    };
    seen.map(share)
}
