//! Reads the arguments of our own tools, the way models send them, and names each one that is wrong.

use std::time::Duration;

use longshore_domain::{InputViolation, TaskId, Timestamp, beginning_of, read_input};
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Longest time that can be asked for: ten years.
const SECONDS_MAX: f64 = 10.0 * 365.0 * 86_400.0;

/// Arguments that are not known, of which each is named: a call may have millions, and an answer that repeats them all is
/// many times as long.
const UNKNOWN_TOLD_MAX: usize = 20;

/// Characters of what a client sent that are repeated.
const SHOWN_CHARS_MAX: usize = 80;

/// Arguments that are being read. Everything wrong is collected, so that one answer names it all.
#[derive(Debug)]
pub(super) struct Arguments {
    given: Map<String, Value>,
    known: Vec<&'static str>,
    violations: Vec<InputViolation>,
}

impl Arguments {
    /// The arguments of a call of a tool with that schema.
    pub(super) fn new(given: Map<String, Value>, schema: &Value) -> Self {
        let given = match read_input(Value::Object(given), schema) {
            Value::Object(given) => given,
            // An object is read as nothing else.
            _ => Map::new(),
        };
        Self { given, known: Vec::new(), violations: Vec::new() }
    }

    /// A text that may be absent.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => self.wrong(name, "a text", &other),
        }
    }

    /// A text that may be absent and is refused later, so that it is not among the arguments that a caller is told of.
    pub(super) fn unlisted_text(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name);
        self.known.retain(|known| *known != name);
        text
    }

    /// A text that has to be there.
    pub(super) fn required_text(&mut self, name: &'static str) -> String {
        self.require(name);
        self.text(name).unwrap_or_default()
    }

    /// The id of a job, which has to be there. If it is wrong, `finish` fails.
    pub(super) fn job_id(&mut self) -> TaskId {
        let name = "job_id";
        self.require(name);
        let parsed = self.text(name).map(|text| text.parse());
        match parsed {
            Some(Ok(id)) => return id,
            Some(Err(error)) => self.violation(name, error.to_string()),
            None => {}
        }
        // Never used: a violation was noted, so `finish` fails.
        TaskId::from_bytes([0; 16])
    }

    /// A JSON value that may be absent.
    pub(super) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.take(name)
    }

    /// A time span in seconds that may be absent.
    pub(super) fn seconds(&mut self, name: &'static str) -> Option<Duration> {
        let value = self.take(name)?;
        match value.as_f64().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds)) {
            Some(seconds) => Some(Duration::from_secs_f64(seconds)),
            None => self.wrong(name, "a number of seconds from 0 to ten years", &value),
        }
    }

    /// A whole number within bounds that may be absent.
    pub(super) fn integer(&mut self, name: &'static str, from: i64, to: i64) -> Option<i64> {
        let value = self.take(name)?;
        match value.as_i64().filter(|number| (from..=to).contains(number)) {
            Some(number) => Some(number),
            None => self.wrong(name, &format!("a whole number from {from} to {to}"), &value),
        }
    }

    /// A point in time that may be absent.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let value = self.take(name)?;
        match value
            .as_str()
            .filter(|text| has_an_offset(text))
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        {
            Some(time) => Some(Timestamp::from_ms(time.as_millisecond())),
            None => self.wrong(name, "a time such as 2026-03-31T18:00:00+05:30 (RFC 3339)", &value),
        }
    }

    /// One of a few things that a text can name, which may be absent.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        match value.as_str().and_then(parse) {
            Some(parsed) => Some(parsed),
            None => self.wrong(name, expected, &value),
        }
    }

    /// Ends the reading: fails when anything was wrong or is not known.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        self.finish_with("")
    }

    /// The same, where what is not known may be meant for the object in the argument `inner`.
    pub(super) fn finish_beside(self, inner: &str) -> Result<(), Refusal> {
        self.finish_with(&format!("; fields of the job go into {inner}"))
    }

    fn finish_with(mut self, advice: &str) -> Result<(), Refusal> {
        let known = self.known.join(", ");
        let keys = self.given.keys().take(UNKNOWN_TOLD_MAX);
        let unknown: Vec<String> = keys.map(|name| beginning_of(name, SHOWN_CHARS_MAX).to_owned()).collect();
        let more = self.given.len() - unknown.len();
        for name in unknown {
            let message = if known.is_empty() {
                format!("{name} is not known; there are no arguments")
            } else {
                format!("{name} is not known; the arguments are {known}{advice}")
            };
            self.violation(&name, message);
        }
        if more > 0 {
            let message = format!("{more} more arguments are not known");
            self.violations.push(InputViolation { field: String::new(), message });
        }
        if self.violations.is_empty() { Ok(()) } else { Err(Refusal::arguments(self.violations)) }
    }

    /// Takes an argument out; null is as good as absent.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.given.shift_remove(name).filter(|value| !value.is_null())
    }

    fn require(&mut self, name: &'static str) {
        if self.given.get(name).is_none_or(Value::is_null) {
            self.violation(name, format!("{name} is required"));
        }
    }

    fn wrong<T>(&mut self, name: &'static str, expected: &str, value: &Value) -> Option<T> {
        let value = value.to_string();
        let shown = beginning_of(&value, SHOWN_CHARS_MAX);
        self.violation(name, format!("{name} must be {expected}, not {shown}"));
        None
    }

    fn violation(&mut self, name: &str, message: String) {
        self.violations.push(InputViolation { field: format!("/{name}"), message });
    }
}

/// Whether the offset of a time, where it has one, is less than a day, as RFC 3339 has it. jiff takes more.
fn has_an_offset(time: &str) -> bool {
    let offset = time.rfind(['+', '-']).and_then(|sign| time.get(sign + 1..sign + 3));
    time.ends_with(['Z', 'z'])
        || offset.and_then(|hours| hours.parse::<u8>().ok()).is_some_and(|hours| hours < 24)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: Value) -> Arguments {
        let Value::Object(given) = value else { panic!("no object") };
        Arguments::new(given, &json!({"properties": {"limit": {"type": "integer"}}}))
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let mut arguments = arguments(json!({
            "job_id": "42", "wait_seconds": "soon", "limit": 0, "run_at": "tomorrow", "wiat": 1
        }));
        arguments.job_id();
        arguments.seconds("wait_seconds");
        arguments.integer("limit", 1, 100);
        arguments.time("run_at");
        arguments.required_text("job_type");
        let refusal = arguments.finish().unwrap_err();
        let fields: Vec<_> = refusal.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["/job_id", "/wait_seconds", "/limit", "/run_at", "/job_type", "/wiat"]);
        assert!(refusal.message.contains("wiat is not known; the arguments are job_id, wait_seconds"));
        assert_eq!(refusal.code, "invalid_arguments");
    }

    #[test]
    fn an_answer_does_not_grow_with_what_is_wrong() {
        let given = (0..1_000).map(|number| (format!("{number:0>200}"), json!(1))).collect();
        let refusal = Arguments::new(given, &json!({})).finish().unwrap_err();
        assert_eq!(refusal.violations.len(), UNKNOWN_TOLD_MAX + 1);
        assert!(refusal.message.ends_with("980 more arguments are not known"), "{}", refusal.message);
        assert!(refusal.message.len() < 5_000);
    }

    #[test]
    fn whole_numbers_may_have_a_point() {
        let mut arguments = arguments(json!({"limit": 5.0}));
        assert_eq!(arguments.integer("limit", 1, 100), Some(5));
        arguments.finish().unwrap();
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let mut arguments = arguments(json!({"cursor": null, "max_wait_seconds": 1.5, "priority": -3}));
        assert_eq!(arguments.text("cursor"), None);
        assert_eq!(arguments.seconds("max_wait_seconds"), Some(Duration::from_millis(1_500)));
        assert_eq!(arguments.integer("priority", -100, 100), Some(-3));
        arguments.finish().unwrap();
    }

    #[test]
    fn times_have_an_offset() {
        let mut good = arguments(json!({"run_at": "2026-03-01T05:30:00+05:30"}));
        assert_eq!(good.time("run_at"), Some(Timestamp::from_ms(1_772_323_200_000)));
        for bad in [json!("2026-03-01T00:00:00"), json!("2026-03-01T00:00:00+25:00"), json!(5), json!("")] {
            let mut arguments = arguments(json!({ "run_at": bad }));
            assert_eq!(arguments.time("run_at"), None);
            assert!(arguments.finish().is_err());
        }
    }
}
