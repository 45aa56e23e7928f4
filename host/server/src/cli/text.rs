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
        assert_eq!(time("2026-03-01T12:00:07.123Z"), "2026-03-01 12:00:07Z");
    }
}
