//! Dates of message headers: ISO 8601, in UTC, with microseconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the current time, such as `2026-03-01T12:00:00.000000Z`.
pub(crate) fn now() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format(since_epoch.as_secs(), since_epoch.subsec_micros())
}

fn format(seconds: u64, micros: u32) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Converts days since 1970-01-01 to year, month and day of the Gregorian calendar.
///
/// This is Howard Hinnant's `civil_from_days`. It counts years from March, so that the leap day is the last day.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn dates() {
        assert_eq!(format(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(format(951_782_400, 1), "2000-02-29T00:00:00.000001Z");
        assert_eq!(format(1_709_251_199, 999_999), "2024-02-29T23:59:59.999999Z");
        assert_eq!(format(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }
}
