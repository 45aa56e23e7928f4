//! Numbers, sizes and times, as people read them.

use std::time::Duration;

/// A whole number with commas between the thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 job`, `2 jobs`. The plural is regular.
pub(super) fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A whole number in four digits at most, and a unit of a thousand: `18 E` is the largest there is.
pub(super) fn short_count(number: u64) -> String {
    if number < 10_000 { count(number) } else { scaled(number as f64) }
}

/// How many a second, in three digits or so; by the minute or the hour where that is less than one.
pub(super) fn rate(per_second: f64) -> String {
    let slow = [(1.0, "s"), (60.0, "min"), (3_600.0, "h")];
    let (seconds, unit) =
        slow.into_iter().find(|(seconds, _)| per_second * seconds >= 0.95).unwrap_or(slow[2]);
    format!("{}/{unit}", scaled(per_second * seconds))
}

/// A number in three digits at most, and a unit of a thousand.
fn scaled(number: f64) -> String {
    const UNITS: [&str; 7] = ["", " k", " M", " G", " T", " P", " E"];
    let (mut value, mut unit) = (number, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let digits = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{}{}", digits.strip_suffix(".0").unwrap_or(&digits), UNITS[unit])
}

/// A time span to the second, for a line that changes.
pub(super) fn clock(span: Duration) -> String {
    let seconds = span.as_secs_f64().ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A size in the largest unit of which there is at least one.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1_024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while value >= 1_024.0 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A time span with as much detail as matters.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A time of the form that views have, to the second and with a space: `2026-03-01 12:00:00Z`.
pub(super) fn time(rfc3339: &str) -> String {
    match rfc3339.split_once('T') {
        Some((date, time)) => {
            let seconds = time.split(['.', 'Z']).next().unwrap_or(time);
            format!("{date} {seconds}Z")
        }
        None => rfc3339.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [count(0), count(999), count(1_842), count(12_345_678)],
            ["0", "999", "1,842", "12,345,678"]
        );
        assert_eq!([size(12), size(1_536), size(5 << 30)], ["12 bytes", "1.5 KiB", "5.0 GiB"]);
        let spans = [12, 1_500, 61_000, 3_660_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(spans, ["12 ms", "1.5 s", "1 min 1 s", "1 h 1 min"]);
        let shorts = [9_999, 10_000, 999_499, 999_999, 1_260_000, u64::MAX].map(short_count);
        assert_eq!(shorts, ["9,999", "10 k", "999 k", "1 M", "1.3 M", "18 E"]);
        let rates = [573_948_416.0, 12_345.6, 150.2, 2.5, 1.0, 0.5, 0.01, 0.000_001].map(rate);
        assert_eq!(rates, ["574 M/s", "12 k/s", "150/s", "2.5/s", "1/s", "30/min", "36/h", "0/h"]);
        let clocks =
            [0, 400, 59_000, 61_000, 3_660_000, 200_000_000].map(|ms| clock(Duration::from_millis(ms)));
        assert_eq!(clocks, ["0 s", "1 s", "59 s", "1 min 1 s", "1 h 1 min", "2 days"]);
        assert_eq!(
            [counted(0, "job"), counted(1, "job"), counted(1_842, "file")],
            ["0 jobs", "1 job", "1,842 files"]
        );
        assert_eq!(time("2026-03-01T12:00:07.123Z"), "2026-03-01 12:00:07Z");
    }
}
