//! The only place that looks at the clock.
//!
//! Commands take a [`Now`] here, once, and hand it down. A run's stamp comes from [`next_stamp`], which never
//! gives one that is not later than the newest the catalogue knows: a clock that jumps back must not make two
//! runs of the same name, nor let an older dump look newer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan, Zoned};
use types::{DumpId, Stamp};

/// Seconds of a day on which no clock is set.
pub(crate) const DAY: i64 = 86_400;

/// An instant, as seconds since 1970 and in the server's time zone.
#[derive(Clone, Debug)]
pub struct Now {
    zoned: Zoned,
}

impl Now {
    /// Reads the clock.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn read() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let second = i64::try_from(since.as_secs()).unwrap_or(0);
        let nanos = i32::try_from(since.subsec_nanos()).unwrap_or(0);
        let instant = Timestamp::new(second, nanos).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { zoned: instant.to_zoned(jiff::tz::TimeZone::system()) }
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> i64 {
        self.zoned.timestamp().as_second()
    }

    /// Milliseconds since 1970, for ids.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.zoned.timestamp().as_millisecond()).unwrap_or(0)
    }

    /// Days since 1970, local.
    pub fn day(&self) -> i64 {
        day_number(self.zoned.datetime())
    }

    /// Seconds since local midnight.
    pub fn second_of_day(&self) -> u32 {
        let time = self.zoned.time();
        let of = |part: i8, unit: u32| u32::try_from(part).unwrap_or(0) * unit;
        of(time.hour(), 3600) + of(time.minute(), 60) + of(time.second(), 1)
    }

    /// Seconds that pass until the clock shows this second of the day: of those of yesterday, today and tomorrow, the
    /// nearest. In a night in which clocks are set this is not the difference of what they show.
    pub fn seconds_until(&self, second_of_day: u32) -> i64 {
        let shown = i64::from(second_of_day) - i64::from(self.second_of_day());
        let shown = (shown + DAY / 2).rem_euclid(DAY) - DAY / 2;
        let then = self.zoned.datetime().saturating_add(shown.seconds());
        let then = then.to_zoned(self.zoned.time_zone().clone());
        then.map_or(shown, |then| then.timestamp().as_second() - self.unix())
    }

    /// `2026-11-23 01:02:03`.
    pub fn text(&self) -> String {
        self.zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The stamp of this second.
    pub fn stamp(&self) -> Stamp {
        stamp_of(self.zoned.datetime())
    }
}

/// The stamp of a run that begins now: later than `newest`, even if the clock says otherwise.
pub fn next_stamp(now: &Now, newest: Option<Stamp>) -> Stamp {
    later_than(newest, now.stamp())
}

/// What the clock says, or a second after `newest` if that is not later.
pub fn later_than(newest: Option<Stamp>, clock: Stamp) -> Stamp {
    match newest {
        Some(newest) if newest >= clock => after(newest),
        _ => clock,
    }
}

/// Days since 1970 of a stamp's date.
pub fn day_of(stamp: Stamp) -> i64 {
    stamp.day_number()
}

/// Seconds since 1970 of a stamp, in the server's time zone.
pub fn unix_of(stamp: Stamp) -> i64 {
    civil(stamp)
        .to_zoned(jiff::tz::TimeZone::system())
        .map_or(0, |zoned| zoned.timestamp().as_second())
}

/// A stamp as people read it, `2026-11-23 01:02:03`.
pub fn stamp_text(stamp: Stamp) -> String {
    let [year, month, day, hour, minute, second] = stamp.fields();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Seconds since 1970 as people read them, in the server's time zone.
pub fn unix_text(unix: i64) -> String {
    let instant = Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH);
    instant.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The stamp of a second since 1970, in the server's time zone. Of one in no year of four digits, which a damaged or
/// forged volume may name, it is that of 1970's beginning.
pub fn stamp_at(unix: i64) -> Stamp {
    let has_stamp = |at: &DateTime| (0..=9999).contains(&at.year());
    let in_zone = |instant: Timestamp| instant.to_zoned(jiff::tz::TimeZone::system()).datetime();
    let at = Timestamp::from_second(unix).ok().map(in_zone).filter(has_stamp);
    stamp_of(at.unwrap_or_else(|| in_zone(Timestamp::UNIX_EPOCH)))
}

/// A new dump id: the time, then chance, so that ids sort by age and never repeat.
pub fn new_dump_id(now: &Now) -> Result<DumpId, getrandom::Error> {
    let mut chance = [0; 10];
    getrandom::fill(&mut chance)?;
    Ok(DumpId::new(now.millis(), chance))
}

/// Whether the calendar has that day. What volumes say is not asked this.
pub(crate) fn is_real(stamp: Stamp) -> bool {
    let [year, month, day, ..] = stamp.fields();
    let small = |n: u32| i8::try_from(n).unwrap_or(0);
    let year = i16::try_from(year).unwrap_or(0);
    jiff::civil::Date::new(year, small(month), small(day)).is_ok()
}

fn after(stamp: Stamp) -> Stamp {
    civil(stamp).checked_add(1.second()).map_or(stamp, stamp_of)
}

fn civil(stamp: Stamp) -> DateTime {
    let [year, month, day, hour, minute, second] = stamp.fields();
    let small = |n: u32| i8::try_from(n).unwrap_or(0);
    let year = i16::try_from(year).unwrap_or(0);
    DateTime::new(
        year,
        small(month),
        small(day),
        small(hour),
        small(minute),
        small(second.min(59)),
        0,
    )
    .unwrap_or(DateTime::ZERO)
}

fn stamp_of(at: DateTime) -> Stamp {
    let text = at.strftime("%Y%m%d%H%M%S").to_string();
    text.parse().expect("a civil time of four-digit year is a stamp")
}

fn day_number(at: DateTime) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    i64::from(at.date().since((jiff::Unit::Day, epoch)).map_or(0, |span| span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_that_jumps_back_still_gives_later_stamps() {
        let future = stamp("29991231235959");
        let next = next_stamp(&Now::read(), Some(future));
        assert_eq!(next, stamp("30000101000000"));
    }

    #[test]
    fn days_count_from_1970() {
        assert_eq!(day_of(stamp("19700101000000")), 0);
        assert_eq!(day_of(stamp("19700102235959")), 1);
        assert_eq!(day_of(stamp("20260101000000")), 20454);
    }

    #[test]
    fn any_second_that_a_volume_may_name_has_a_stamp() {
        let epoch = stamp_at(0);
        let seconds = [i64::MIN, -377_705_116_800, -100_000_000_000, i64::MAX, 253_402_300_800];
        for second in seconds {
            assert_eq!(stamp_at(second), epoch, "{second}");
        }
        let edges = [-62_000_000_000, -1, 1, 253_402_000_000];
        assert!(edges.map(stamp_at).is_sorted());
    }

    #[test]
    fn what_passes_until_a_time_of_day_is_an_hour_off_in_nights_in_which_clocks_are_set() {
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at = |month, day, hour| {
            let shown = jiff::civil::date(2026, month, day).at(hour, 0, 0, 0);
            Now { zoned: shown.to_zoned(zone.clone()).unwrap() }
        };
        let hours = |now: Now, hour: u32| now.seconds_until(hour * 3600) / 3600;
        assert_eq!(hours(at(3, 27, 23), 5), 6);
        assert_eq!(hours(at(3, 28, 23), 5), 5, "summer begins");
        assert_eq!(hours(at(10, 24, 23), 5), 7, "summer ends");
        assert_eq!(hours(at(3, 27, 23), 22), -1);
        assert_eq!(hours(at(3, 27, 3), 2), -1);
    }

    #[test]
    fn stamps_read_as_dates() {
        assert_eq!(stamp_text(stamp("20260102030405")), "2026-01-02 03:04:05");
    }
}
