//! Wall-clock time as people write it.

const DAY_S: i64 = 24 * 60 * 60;

/// A minute as in `2026-11-23 07:41Z`, from seconds since the start of 1970, both in UTC; `None` outside the years 1 to 9999, of which nobody
/// wrote anything here.
///
/// The date is computed as in Hinnant, *chrono-compatible low-level date algorithms*, 2013.
pub fn utc_minute(seconds: i64) -> Option<String> {
    let (days, second) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
    // Years begin in March, so that a leap day is the last one; days count from 0000-03-01, in eras of 400 years.
    let days = days.checked_add(719_468)?;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + 400 * era + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    (1..=9_999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}Z"))
}

/// The day of that minute, as in `2026-11-23`; `None` as for [`utc_minute`].
pub fn utc_day(seconds: i64) -> Option<String> {
    utc_minute(seconds).and_then(|minute| Some(minute.split_once(' ')?.0.to_owned()))
}

/// Two minutes: `2026-11-23 07:41 – 08:02Z`, or with the day of the second where it is another one.
pub fn utc_minutes(from: i64, to: i64) -> Option<String> {
    let (from, to) = (utc_minute(from)?, utc_minute(to)?);
    let ((day, _), (to_day, to_time)) = (from.split_once(' ')?, to.split_once(' ')?);
    let end = if day == to_day { to_time } else { to.as_str() };
    Some(format!("{} – {end}", from.trim_end_matches('Z')))
}

/// The ends of a stretch of time, by their days, or by their minutes if both are of one day; `None` for what is none.
pub fn utc_ends(from: Option<i64>, to: Option<i64>) -> (Option<String>, Option<String>) {
    let minutes = (from.and_then(utc_minute), to.and_then(utc_minute));
    let days = (from.and_then(utc_day), to.and_then(utc_day));
    if days.0.is_some() && days.0 == days.1 { minutes } else { days }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_time_is_told_by_its_days_or_within_one() {
        let check = |from, to, expected: (Option<&str>, Option<&str>)| {
            let (start, end) = utc_ends(from, to);
            assert_eq!((start.as_deref(), end.as_deref()), expected);
        };
        let day = 1_795_384_320;
        check(Some(day), Some(day + 3_600), (Some("2026-11-22 21:52Z"), Some("2026-11-22 22:52Z")));
        check(Some(day), Some(day + 8_000), (Some("2026-11-22"), Some("2026-11-23")));
        check(None, Some(day), (None, Some("2026-11-22")));
        check(Some(i64::MIN), Some(i64::MIN), (None, None));
        assert_eq!(utc_minutes(day, day + 3_600).as_deref(), Some("2026-11-22 21:52 – 22:52Z"));
        assert_eq!(utc_minutes(day, day + 8_000).as_deref(), Some("2026-11-22 21:52 – 2026-11-23 00:05Z"));
        assert_eq!((utc_minutes(i64::MIN, day), utc_minutes(day, i64::MAX)), (None, None));
    }

    #[test]
    fn seconds_are_minutes_of_a_calendar() {
        let check = |seconds, expected: Option<&str>| assert_eq!(utc_minute(seconds).as_deref(), expected, "{seconds}");
        check(0, Some("1970-01-01 00:00Z"));
        check(-1, Some("1969-12-31 23:59Z"));
        check(951_782_399, Some("2000-02-28 23:59Z"));
        check(951_782_400, Some("2000-02-29 00:00Z"));
        check(951_868_800, Some("2000-03-01 00:00Z"));
        check(4_107_542_400, Some("2100-03-01 00:00Z"));
        check(1_795_419_660, Some("2026-11-23 07:41Z"));
        check(-62_135_596_800, Some("0001-01-01 00:00Z"));
        check(-62_135_596_801, None);
        check(253_402_300_799, Some("9999-12-31 23:59Z"));
        check(253_402_300_800, None);
        check(i64::MAX, None);
        check(i64::MIN, None);
    }
}
