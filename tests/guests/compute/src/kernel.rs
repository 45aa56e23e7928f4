//! The work, which is also compiled to native code to compare: integers, memory, branches and floats, as jobs mix them.

const NUMBERS: usize = 1 << 14;
const SIDE: usize = 48;

/// Does the work so many times, and gives a number that follows from all of it.
pub(crate) fn compute(rounds: u32) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut numbers = vec![0_u32; NUMBERS];
    let mut sum = 0_u64;
    for _ in 0..rounds {
        for number in &mut numbers {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *number = state as u32;
        }
        numbers.sort_unstable();
        sum = numbers
            .iter()
            .fold(sum, |hash, number| (hash ^ u64::from(*number)).wrapping_mul(0x100_0000_01b3));
        sum ^= multiplied(&numbers).to_bits();
    }
    sum
}

/// A sum over the square of a matrix.
fn multiplied(numbers: &[u32]) -> f64 {
    let at =
        |row: usize, column: usize| f64::from(numbers[(row * SIDE + column) % NUMBERS]) / f64::from(u32::MAX);
    let cell = |row, column| (0..SIDE).map(|k| at(row, k) * at(k, column)).sum::<f64>();
    (0..SIDE)
        .flat_map(|row| (0..SIDE).map(move |column| (row, column)))
        .map(|(row, column)| cell(row, column))
        .sum()
}
