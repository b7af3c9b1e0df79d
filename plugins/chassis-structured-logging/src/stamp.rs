//! Times as they stand in lines: `2026-11-30T08:00:00.123456Z`.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// A time, in UTC and microseconds (RFC 3339).
pub(crate) struct Stamp(pub(crate) SystemTime);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or(Duration::ZERO);
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let micros = since.subsec_micros();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

/// The date that is so many days after 1970-01-01: `civil_from_days` of <https://howardhinnant.github.io/date_algorithms.html>.
fn date(days: u64) -> (u64, u64, u64) {
    // Of 400 years, which begin in March: the day that there is not each year is their last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(seconds: u64, micros: u32) -> String {
        let since = Duration::new(seconds, micros * 1_000);
        Stamp(SystemTime::UNIX_EPOCH + since).to_string()
    }

    #[test]
    fn times_that_are_known() {
        for (seconds, micros, expected) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, 999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.000001Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000000Z"),
            (1_700_000_000, 0, "2023-11-14T22:13:20.000000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(shown(seconds, micros), expected);
        }
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Stamp(before).to_string(), "1970-01-01T00:00:00.000000Z");
    }

    proptest! {
        /// What is later stands behind, also as a text: logs are sorted so.
        #[test]
        fn their_order_is_that_of_the_texts(one in 0_u64..200_000_000_000, other in 0_u64..200_000_000_000) {
            prop_assert_eq!(one.cmp(&other), shown(one, 0).cmp(&shown(other, 0)));
        }
    }
}
