//! The keyword `pattern`, with a price.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location;
use jsonschema::{Draft, Keyword, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::budget;
use super::counted::{Counted, Counting};

/// Backtracking steps of a pattern. Schemas come from plugins, and a pattern could be made to run for ages.
const PATTERN_STEPS_MAX: usize = 100_000;

/// Steps that nearly all matches do with. Only the others are charged for what the limit above allows.
const PATTERN_STEPS_USUAL: usize = 2_000;

/// Bytes of a text that does not fill the memory in which the matcher notes what it has learned of the pattern.
const SHORT_BYTES: usize = 100;

/// What a pattern may cost, read off its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Places in it at which a match may be at the same time.
    pub(super) states: u64,
    /// About what it takes in memory once compiled, in states of a simple letter.
    pub(super) compiled: u64,
}

impl Size {
    /// Steps for each byte of a long text. Matching may then come down to trying all states for each.
    pub(super) fn per_byte_of_long(self) -> u64 {
        self.states.saturating_add(1)
    }

    fn price(self, bytes: usize) -> u64 {
        let per_byte = if bytes > SHORT_BYTES { self.per_byte_of_long() } else { 1 + self.states / 4 };
        10 + per_byte.saturating_mul(bytes as u64)
    }

    fn and(self, other: Self) -> Self {
        let states = self.states.saturating_add(other.states);
        Self { states, compiled: self.compiled.saturating_add(other.compiled) }
    }

    fn times(self, count: u64) -> Self {
        Self { states: self.states.saturating_mul(count), compiled: self.compiled.saturating_mul(count) }
    }
}

/// Measures a pattern. What is no pattern at all is measured too; it does not compile.
pub(super) fn measure(pattern: &str) -> Size {
    const NOTHING: Size = Size { states: 0, compiled: 0 };
    let letter = |compiled| Size { states: 1, compiled };
    // For each open group: what is before the last thing in it, and that thing.
    let mut groups = vec![(NOTHING, NOTHING)];
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        let thing = match char {
            '(' => {
                groups.push((letter(1), NOTHING));
                continue;
            }
            ')' if groups.len() > 1 => groups.pop().map_or(NOTHING, |(before, last)| before.and(last)),
            '{' => {
                let count: String = chars.clone().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
                let most = count.split(',').filter_map(|n| n.parse::<u64>().ok()).max();
                if let (Some(most), Some((_, last))) = (most, groups.last_mut()) {
                    *last = last.times(most.saturating_add(1));
                    chars.by_ref().take_while(|c| *c != '}').for_each(drop);
                    continue;
                }
                letter(1)
            }
            '[' => {
                let mut class = letter(4);
                let mut escaped = false;
                while let Some(char) = chars.next_if(|c| escaped || *c != ']') {
                    class.compiled += if escaped { class_size(char) } else { 2 };
                    escaped = !escaped && char == '\\';
                }
                class
            }
            '\\' => {
                let class = letter(chars.next().map_or(1, class_size));
                if class.compiled == class_size('p') && chars.peek() == Some(&'{') {
                    chars.by_ref().take_while(|c| *c != '}').for_each(drop);
                }
                class
            }
            '.' => letter(10),
            _ => letter(1),
        };
        if let Some((before, last)) = groups.last_mut() {
            *before = before.and(*last);
            *last = thing;
        }
    }
    groups.into_iter().fold(NOTHING, |sum, (before, last)| sum.and(before).and(last))
}

fn class_size(escaped: char) -> u64 {
    match escaped {
        'p' | 'P' => 200,
        'd' | 'D' | 's' | 'S' | 'w' | 'W' => 10,
        _ => 2,
    }
}

/// A pattern, compiled.
struct Matcher {
    size: Size,
    usual: Validator,
    /// For a pattern that is matched by backtracking: with the limit that decides.
    patient: Option<Validator>,
}

impl Matcher {
    fn compile(pattern: &str) -> Result<Self, ValidationError<'static>> {
        let schema = json!({"pattern": pattern});
        let size = measure(pattern);
        let options = || jsonschema::options().with_draft(Draft::Draft202012).offline();
        if let Ok(usual) = options().with_pattern_options(PatternOptions::regex()).build(&schema) {
            return Ok(Self { size, usual, patient: None });
        }
        let backtracking = |steps| {
            let pattern_options = PatternOptions::fancy_regex().backtrack_limit(steps);
            options().with_pattern_options(pattern_options).build(&schema)
        };
        let patient = Some(backtracking(PATTERN_STEPS_MAX)?);
        Ok(Self { size, usual: backtracking(PATTERN_STEPS_USUAL)?, patient })
    }

    fn is_match(&self, value: &Value) -> bool {
        match (&self.patient, value) {
            (None, Value::String(text)) => {
                budget::charge(self.size.price(text.len()));
                self.usual.is_valid(value)
            }
            _ => self.check(value).is_ok(),
        }
    }

    fn check<'i>(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        let Value::String(text) = value else { return Ok(()) };
        let bytes = text.len() as u64;
        budget::charge(self.size.price(text.len()));
        let Some(patient) = &self.patient else { return self.usual.validate(value) };
        // Each step may look through the text once more.
        let price = |steps: usize| {
            let starts = bytes.min(steps as u64);
            steps as u64 / 20 + starts.saturating_mul(bytes) / 16
        };
        budget::charge(price(PATTERN_STEPS_USUAL));
        match self.usual.validate(value) {
            Err(error) if gave_up(&error) => {}
            decided => return decided,
        }
        budget::charge(60 * price(PATTERN_STEPS_MAX));
        let decided = patient.validate(value);
        if decided.as_ref().is_err_and(gave_up) {
            budget::give_up_pattern();
        }
        decided
    }
}

fn gave_up(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::BacktrackLimitExceeded { .. })
}

/// The keyword in a place of a schema.
struct Pattern(Arc<Matcher>);

impl<'i> Keyword<'i, Counting> for Pattern {
    fn validate(&self, instance: Counted<'i>) -> Result<(), ValidationError<'i>> {
        self.0.check(instance.value())
    }

    fn is_valid(&self, instance: Counted<'i>) -> bool {
        self.0.is_match(instance.value())
    }
}

type Compiled<'a> = Result<Box<dyn for<'i> Keyword<'i, Counting>>, ValidationError<'a>>;

/// What makes the keywords of a schema; equal patterns are compiled once.
pub(super) fn keyword() -> impl for<'a> Fn(&'a Map<String, Value>, &'a Value, Location) -> Compiled<'a> {
    let compiled: Mutex<HashMap<String, Arc<Matcher>>> = Mutex::default();
    move |_, pattern, _| {
        let text = pattern.as_str().unwrap_or_default();
        let mut compiled = compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let matcher = match compiled.get(text) {
            Some(matcher) => Arc::clone(matcher),
            None => Arc::new(Matcher::compile(text)?),
        };
        compiled.insert(text.to_owned(), Arc::clone(&matcher));
        Ok(Box::new(Pattern(matcher)))
    }
}

/// Whether a pattern is matched without backtracking, and so in a time that its size tells.
pub(super) fn is_plain(pattern: &str) -> bool {
    let options = jsonschema::options().with_draft(Draft::Draft202012).offline();
    options.with_pattern_options(PatternOptions::regex()).build(&json!({"pattern": pattern})).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_multiply() {
        assert!(measure("^[a-z]{1,63}$").states < 80);
        assert!(measure("(?:[01]{100}x){1,50}").states > 5_000);
        assert!(measure("((a{1000}){1000}){1000}").states > 1_000_000_000);
        assert!(measure("\\p{L}{100}").compiled > 10_000);
        assert_eq!(measure("(a{99999999999}){99999999999}").states, u64::MAX);
    }
}
