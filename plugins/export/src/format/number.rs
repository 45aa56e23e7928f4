//! Numbers and blobs as text.

use super::words;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// An integer in decimal.
#[inline]
pub(super) fn push_integer(integer: i64, out: &mut Vec<u8>) {
    words::push(itoa::Buffer::new().format(integer).as_bytes(), out);
}

/// The shortest decimal that reads back as the same float. What is not finite gets its name (SQLite can hold the
/// infinities, and has NULL for NaN).
#[inline]
pub(super) fn push_real(real: f64, out: &mut Vec<u8>) {
    if real.is_finite() {
        words::push(zmij::Buffer::new().format_finite(real).as_bytes(), out);
    } else {
        out.extend_from_slice(not_finite(real).as_bytes());
    }
}

/// The name of a float that is not finite, as XML Schema and most readers know it.
pub(super) fn not_finite(real: f64) -> &'static str {
    match (real.is_nan(), real > 0.0) {
        (true, _) => "NaN",
        (false, true) => "Infinity",
        (false, false) => "-Infinity",
    }
}

/// Base64 with padding, in the common alphabet.
pub(super) fn push_base64(blob: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + blob.len().div_ceil(3) * 4, 0);
    STANDARD.encode_slice(blob, &mut out[start..]).expect("four bytes for three fit");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = b"x".to_vec();
        push(&mut out);
        String::from_utf8(out).unwrap().split_off(1)
    }

    #[test]
    fn integers_are_exact() {
        assert_eq!(text(|out| push_integer(i64::MIN, out)), "-9223372036854775808");
        assert_eq!(text(|out| push_integer(9_007_199_254_740_993, out)), "9007199254740993");
    }

    #[test]
    fn reals_are_shortest_and_read_back() {
        for (real, expected) in [(0.1, "0.1"), (1.0, "1.0"), (-0.0, "-0.0"), (f64::INFINITY, "Infinity")] {
            assert_eq!(text(|out| push_real(real, out)), expected);
        }
        for real in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e21, 123_456.789, -1.0 / 3.0] {
            assert_eq!(text(|out| push_real(real, out)).parse::<f64>().unwrap().to_bits(), real.to_bits());
        }
    }

    #[test]
    fn blobs_are_base64() {
        assert_eq!(text(|out| push_base64(b"\x00\xff\x10\x20", out)), "AP8QIA==");
        assert_eq!(text(|out| push_base64(b"", out)), "");
    }
}
