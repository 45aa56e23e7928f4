//! Amounts in words, in the Indian system: thousand, lakh, crore.

const ONES: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];
const TENS: [&str; 10] =
    ["", "", "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"];

/// `Rupees One Lakh Five and Fifty Paise Only`.
pub(crate) fn amount(paise: i64) -> String {
    let minus = if paise < 0 { "Minus " } else { "" };
    let (rupees, rest) = (paise.unsigned_abs() / 100, paise.unsigned_abs() % 100);
    match rest {
        0 => format!("{minus}Rupees {} Only", number(rupees)),
        rest => format!("{minus}Rupees {} and {} Paise Only", number(rupees), number(rest)),
    }
}

fn number(n: u64) -> String {
    let split = |unit: u64, name: &str| {
        let head = format!("{} {name}", number(n / unit));
        if n.is_multiple_of(unit) { head } else { format!("{head} {}", number(n % unit)) }
    };
    match n {
        0..20 => ONES[n as usize].into(),
        20..100 if n.is_multiple_of(10) => TENS[n as usize / 10].into(),
        20..100 => format!("{}-{}", TENS[n as usize / 10], ONES[n as usize % 10]),
        100..1_000 => split(100, "Hundred"),
        1_000..100_000 => split(1_000, "Thousand"),
        100_000..10_000_000 => split(100_000, "Lakh"),
        _ => split(10_000_000, "Crore"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_spelled_the_indian_way() {
        for (paise, expected) in [
            (0, "Rupees Zero Only"),
            (100, "Rupees One Only"),
            (4_250, "Rupees Forty-Two and Fifty Paise Only"),
            (101_901, "Rupees One Thousand Nineteen and One Paise Only"),
            (10_000_050, "Rupees One Lakh and Fifty Paise Only"),
            (
                12_345_678,
                "Rupees One Lakh Twenty-Three Thousand Four Hundred Fifty-Six and Seventy-Eight Paise Only",
            ),
            (3_000_000_000, "Rupees Three Crore Only"),
            (
                1_234_567_890_100,
                "Rupees One Thousand Two Hundred Thirty-Four Crore Fifty-Six Lakh Seventy-Eight Thousand Nine Hundred One Only",
            ),
        ] {
            assert_eq!(amount(paise), expected);
        }
    }
}
