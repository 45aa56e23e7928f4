//! Paise as rupees, with commas where India puts them.

/// `12,34,567.89`.
pub(crate) fn rupees(paise: i64) -> String {
    let sign = if paise < 0 { "-" } else { "" };
    let (rupees, rest) = (paise.unsigned_abs() / 100, paise.unsigned_abs() % 100);
    let digits = rupees.to_string();
    // The last three digits stand together, those before them in pairs.
    let (pairs, last) = digits.split_at(digits.len().saturating_sub(3));
    let mut text = String::from(sign);
    for (place, digit) in pairs.chars().enumerate() {
        text.push(digit);
        if (pairs.len() - place) % 2 == 1 {
            text.push(',');
        }
    }
    format!("{text}{last}.{rest:02}")
}

/// `1234567.89`, for machines.
pub(crate) fn decimal(paise: i64) -> String {
    let sign = if paise < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", paise.unsigned_abs() / 100, paise.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_indian() {
        for (paise, expected) in [
            (0, "0.00"),
            (5, "0.05"),
            (99_999, "999.99"),
            (100_000, "1,000.00"),
            (12_345_678, "1,23,456.78"),
            (123_456_789, "12,34,567.89"),
            (12_345_678_901, "12,34,56,789.01"),
            (-100_050, "-1,000.50"),
        ] {
            assert_eq!(rupees(paise), expected);
        }
    }

    #[test]
    fn decimals_are_plain() {
        assert_eq!(decimal(123_456_789), "1234567.89");
        assert_eq!(decimal(-7), "-0.07");
    }
}
