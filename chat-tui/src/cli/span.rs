//! Lengths of time as people write them on a command line: `500ms`, `30s`, `10m`, `1h`, `2d`.

use std::time::Duration;

/// Reads a length of time: a whole number and a unit, without a sign and without a space.
///
/// # Errors
/// A sentence that shows how it is written.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is written as 500ms, 30s, 10m, 1h or 2d".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(ms)
        .map(Duration::from_millis)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k02_times_are_a_number_and_a_unit() {
        for (text, ms) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_told_how_to_write_it() {
        for text in [
            "",
            "s",
            "30",
            "-1s",
            "1.5s",
            "1 s",
            "1w",
            "99999999999999999999s",
            "30sx",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&format!("{}d", u64::MAX)).is_err());
    }
}
