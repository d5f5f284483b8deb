//! Times in the words of people: `2m`, `09:12`, `yesterday`.

use chat_proto::Time;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
const YEAR: i64 = 365 * DAY;

/// How long ago something was, in one unit: `now`, `2m`, `1h`, `3d`, `5w`, `2y`. The future is `now`: clocks differ.
#[must_use]
pub fn ago(then: Time, now: Time) -> String {
    let seconds = now.seconds().saturating_sub(then.seconds());
    match seconds {
        ..MINUTE => "now".to_owned(),
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        HOUR..DAY => format!("{}h", seconds / HOUR),
        _ if seconds < 2 * WEEK => format!("{}d", seconds / DAY),
        _ if seconds < YEAR => format!("{}w", seconds / WEEK),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// What a clock on the wall said: `09:12`.
#[must_use]
pub fn clock(time: Time, zone: &TimeZone) -> String {
    let at = zone.to_datetime(stamp(time));
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// On which day that was.
#[must_use]
pub fn day(time: Time, zone: &TimeZone) -> Date {
    zone.to_datetime(stamp(time)).date()
}

/// A day beside today: `today`, `yesterday`, `Thursday 20 November`, `Friday 1 March 2024`.
#[must_use]
pub fn day_label(day: Date, today: Date) -> String {
    if day == today {
        return "today".to_owned();
    }
    if day.checked_add(1.day()).is_ok_and(|next| next == today) {
        return "yesterday".to_owned();
    }
    match day.year() == today.year() {
        true => day.strftime("%A %-d %B").to_string(),
        false => day.strftime("%A %-d %B %Y").to_string(),
    }
}

fn stamp(time: Time) -> Timestamp {
    // `Time` is clamped to a range that jiff holds, so the fallback is never seen.
    Timestamp::from_microsecond(time.micros()).unwrap_or(Timestamp::UNIX_EPOCH)
}
