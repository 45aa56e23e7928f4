//! Medians and ratios.

pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The median of the rounds' ratios.
pub(crate) fn over(mine: &[f64], others: &[f64]) -> f64 {
    let ratios: Vec<f64> = mine.iter().zip(others).map(|(mine, other)| mine / other).collect();
    rounded(median(&ratios), 1e3)
}

/// `number`, to one part in `parts`.
pub(crate) fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
