//! The first difference between two outcomes, from both sides.

use super::TestHost;
use crate::Message;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bytes that are shown before and after the place of a difference.
const BEFORE: usize = 24;
const AFTER: usize = 40;

/// Bytes that have to agree again for a piece to count as missing or as written twice.
const AGREES: usize = 8;

/// All effects of a job that ended.
pub(super) struct Outcome<'a> {
    result: &'a Json,
    artifacts: BTreeMap<String, Vec<u8>>,
    messages: Vec<Message>,
}

impl<'a> Outcome<'a> {
    pub(super) fn of(host: &TestHost, result: &'a Json) -> Self {
        Self { result, artifacts: host.memory.artifacts(), messages: host.memory.messages() }
    }
}

/// What differs first: artifacts, then messages, then the result, which usually follows from them.
pub(super) fn first(undisturbed: &Outcome<'_>, resumed: &Outcome<'_>) -> Option<String> {
    artifacts(&undisturbed.artifacts, &resumed.artifacts)
        .or_else(|| messages(&undisturbed.messages, &resumed.messages))
        .or_else(|| {
            let (one, other) = (undisturbed.result, resumed.result);
            (one != other).then(|| both_sides("The result differs.", &one.to_string(), &other.to_string()))
        })
}

fn artifacts(undisturbed: &BTreeMap<String, Vec<u8>>, resumed: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    for (name, bytes) in undisturbed {
        match resumed.get(name) {
            Some(other) if other == bytes => {}
            Some(other) => return Some(bytes_differ(name, bytes, other)),
            None => return Some(format!("`{name}` is missing from the artifacts of the resumed job.")),
        }
    }
    let more = resumed.keys().find(|name| !undisturbed.contains_key(*name))?;
    Some(format!("The resumed job made `{more}`, which the undisturbed one did not."))
}

fn messages(undisturbed: &[Message], resumed: &[Message]) -> Option<String> {
    let at = undisturbed.iter().zip(resumed).position(|(one, other)| one != other);
    let at =
        at.or_else(|| (undisturbed.len() != resumed.len()).then(|| undisturbed.len().min(resumed.len())))?;
    let show =
        |messages: &[Message]| messages.get(at).map_or("no message".into(), |message| format!("{message:?}"));
    let head = format!(
        "Message {} differs; undisturbed there are {} in all, resumed {}.",
        at + 1,
        undisturbed.len(),
        resumed.len()
    );
    Some(both_sides(&head, &show(undisturbed), &show(resumed)))
}

fn bytes_differ(name: &str, undisturbed: &[u8], resumed: &[u8]) -> String {
    let equal = undisturbed.iter().zip(resumed).take_while(|(one, other)| one == other).count();
    let line = undisturbed[..equal].split(|byte| *byte == b'\n').count();
    let head = format!(
        "`{name}` differs from byte {equal} on (line {line}); undisturbed it has {} bytes, resumed {}.",
        undisturbed.len(),
        resumed.len()
    );
    let mut text = both_sides(&head, &around(undisturbed, equal), &around(resumed, equal));
    if let Some(cause) = cause(&undisturbed[equal..], &resumed[equal..]) {
        let _ = write!(text, "\n{cause}");
    }
    text
}

fn both_sides(head: &str, undisturbed: &str, resumed: &str) -> String {
    format!("{head}\n  undisturbed: {undisturbed}\n  resumed:     {resumed}")
}

/// The bytes around `at`, on one line.
fn around(bytes: &[u8], at: usize) -> String {
    let (start, end) = (at.saturating_sub(BEFORE), bytes.len().min(at + AFTER));
    let shown = String::from_utf8_lossy(&bytes[start..end]);
    let dots = |more: bool| if more { "…" } else { "" };
    format!("{}\"{}\"{}", dots(start > 0), shown.escape_debug(), dots(end < bytes.len()))
}

/// The likely cause, where both sides agree again further on.
fn cause(undisturbed: &[u8], resumed: &[u8]) -> Option<String> {
    if let Some(bytes) = skipped(undisturbed, resumed) {
        return Some(format!(
            "{bytes} bytes are missing. Either the state was ahead of the file when it was saved, or something held them \
             back at the save: put a buffer or an encoder around an artifact only between two saves."
        ));
    }
    skipped(resumed, undisturbed).map(|bytes| {
        format!(
            "{bytes} bytes are too many. The next attempt did again what had been saved: begin with `ctx.load()?`, and \
             bring the state up to date with all that was written before `ctx.save`."
        )
    })
}

/// How many bytes of `longer` have to be left out for it to go on as `shorter` does.
fn skipped(longer: &[u8], shorter: &[u8]) -> Option<usize> {
    if longer.len() <= shorter.len() {
        return None;
    }
    let start = &shorter[..shorter.len().min(AGREES)];
    (1..=longer.len() - start.len())
        .find(|at| longer[*at..].starts_with(start) && (!start.is_empty() || *at == longer.len()))
}
