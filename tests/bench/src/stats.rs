//! Medians and percentiles of a handful of numbers.

/// The middle number.
pub fn median(numbers: &[f64]) -> f64 {
    percentile(numbers, 50.0)
}

/// The number that `percent` of the numbers do not exceed (nearest rank); not a number if there are none.
pub fn percentile(numbers: &[f64], percent: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}
