//! Equality of counted values. The library's would neither count nor withstand values made to share a hash.

use std::cmp::Ordering;

use jsonschema::json::cmp;
use serde_json::{Map, Number, Value};

use super::budget;

/// Whole floats beyond this are beyond all integers of JSON.
const WHOLE_MAX: f64 = 1e30;

/// Whether two values are equal as JSON Schema has it: `1` is `1.0`, and the order of members does not matter.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    budget::step();
    match (left, right) {
        (Value::String(left), Value::String(right)) => equal_texts(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| {
                    budget::charge(1 + name.len() as u64 / 16);
                    right.get(name).is_some_and(|right| equal(left, right))
                })
        }
        _ => cmp::equal(left, right),
    }
}

fn equal_texts(left: &str, right: &str) -> bool {
    left.len() == right.len() && {
        budget::charge(left.len() as u64 / 64);
        left == right
    }
}

/// Whether no two of `items` are equal.
pub(super) fn unique(items: &[Value]) -> bool {
    let mut sorted: Vec<&Value> = items.iter().collect();
    sorted.sort_unstable_by(|left, right| compare(left, right));
    sorted.windows(2).all(|pair| compare(pair[0], pair[1]).is_ne())
}

/// Some order in which equal values, and only they, are of the same rank.
fn compare(left: &Value, right: &Value) -> Ordering {
    budget::step();
    budget::charge(1);
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => compare_texts(left, right),
        (Value::Array(left), Value::Array(right)) => left
            .len()
            .cmp(&right.len())
            .then_with(|| first_difference(left.iter().zip(right).map(|(left, right)| compare(left, right)))),
        (Value::Object(left), Value::Object(right)) => left.len().cmp(&right.len()).then_with(|| {
            let (left, right) = (by_name(left), by_name(right));
            let names = left.iter().zip(&right).map(|(left, right)| compare_texts(left.0, right.0));
            first_difference(names).then_with(|| {
                first_difference(left.iter().zip(&right).map(|(left, right)| compare(left.1, right.1)))
            })
        }),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn first_difference(mut differences: impl Iterator<Item = Ordering>) -> Ordering {
    differences.find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

fn by_name(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by(|left, right| compare_texts(left.0, right.0));
    sorted
}

fn compare_texts(left: &str, right: &str) -> Ordering {
    budget::charge(1 + left.len().min(right.len()) as u64 / 64);
    left.cmp(right)
}

fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    let floats = || {
        let (left, right) = (left.as_f64(), right.as_f64());
        left.partial_cmp(&right).unwrap_or(Ordering::Equal)
    };
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        // One has a fraction or is beyond all integers, so that rounding the other does not make them equal.
        _ => floats(),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i128().or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() < WHOLE_MAX).then_some(float as i128)
    })
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_are_found_whatever_their_form() {
        let pairs = [
            (json!(1), json!(1.0)),
            (json!(0.0), json!(-0.0)),
            (json!({"a": 1, "b": [2]}), json!({"b": [2.0], "a": 1})),
            (json!(u64::MAX), json!(u64::MAX)),
            (json!(1e300), json!(1e300)),
        ];
        for (left, right) in pairs {
            assert!(equal(&left, &right), "{left} {right}");
            assert!(!unique(&[left, json!("between"), right]));
        }
    }

    #[test]
    fn different_values_are_told_apart() {
        let values = [
            json!(null),
            json!(false),
            json!(0),
            json!(0.5),
            json!(u64::MAX),
            json!(u64::MAX - 1),
            json!(-1),
            json!(1e300),
            json!(""),
            json!("a"),
            json!([]),
            json!([[]]),
            json!([[], []]),
            json!([1, 2]),
            json!({}),
            json!({"a": 1}),
            json!({"a": 2}),
            json!({"b": 1}),
            json!({"a": 1, "b": 1}),
        ];
        assert!(unique(&values));
        for (n, left) in values.iter().enumerate() {
            assert_eq!(values.iter().position(|right| equal(left, right)), Some(n));
        }
    }
}
