//! What is found out about a component. It has to be parsed, checked, compiled and run for that, which a stranger's file can
//! make take minutes and gigabytes. So this is done in a process that can be killed and is capped ([`compile`](super::compile));
//! the host itself gets to know what came of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::Code;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use crate::engine::{self, compiling_engine};
use crate::linkers::Linkers;
use crate::program::Linked;
use crate::registry::code;
use crate::registry::described::{Described, checked};
use crate::registry::refusal::Refusal;

/// The version of the contract that is served.
const WORLD: &str = "longshore:job/job@0.1";

/// Processor time that a host may need to load a component at each of its starts.
const EACH_START_MAX: Duration = Duration::from_secs(2);

/// What was found out about a component. The same bytes, engine and settings give the same, so it can be kept.
#[derive(Clone)]
pub(super) enum Finding {
    /// It can be served.
    Sound {
        /// What it says of itself, which was checked but for the name.
        described: Described,
        /// Its compiled code.
        code: Arc<Vec<u8>>,
    },
    /// It cannot.
    Unsound(Refusal),
}

/// A finding without the code, which follows it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Header {
    Described(Described),
    Refused { code: String, message: String },
}

impl Finding {
    /// Its form in files: the length of the header (four bytes, little-endian), the header as JSON, and the code.
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let (header, code) = match self {
            Self::Sound { described, code } => (Header::Described(described.clone()), code.as_slice()),
            Self::Unsound(Refusal { code, message, .. }) => {
                (Header::Refused { code: (*code).to_owned(), message: message.clone() }, [].as_slice())
            }
        };
        let header = serde_json::to_vec(&header)?;
        let length = u32::try_from(header.len()).map_err(io::Error::other)?.to_le_bytes();
        Ok([&length, header.as_slice(), code].concat())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(mut bytes: Vec<u8>) -> io::Result<Self> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (header, code) =
            rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(header)?;
        let begin = bytes.len() - code.len();
        bytes.drain(..begin);
        Ok(match header {
            Header::Described(described) => Self::Sound { described, code: Arc::new(bytes) },
            Header::Refused { code, message } => Self::Unsound(Refusal::kept(&code, message)),
        })
    }
}

/// Finds out about the component `bytes`. An error is one of this machine, not of the component.
pub(super) fn examine(linkers: &Arc<Linkers>, bytes: &[u8]) -> Result<Finding, String> {
    let unsound = |refusal| Ok(Finding::Unsound(refusal));
    if let Err(refusal) = begins_as_component(bytes).and_then(|()| is_valid(bytes)) {
        return unsound(refusal);
    }
    let compiled = compiling_engine().and_then(|engine| engine.precompile_component(bytes));
    let code = match compiled {
        Ok(code) => code,
        Err(error) => {
            return unsound(Refusal::new("compile_failed", format!("it cannot be compiled: {error:#}")));
        }
    };
    let begun = processor_time();
    let linked = match linked(linkers, &code) {
        Ok(linked) => linked,
        Err(refusal) => return unsound(refusal),
    };
    let linking = processor_time().saturating_sub(begun);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let described = runtime.map_err(|error| error.to_string())?.block_on(linked.describe());
    let described = match described {
        Ok(described) => Described::from(described),
        Err(failure) if failure.code == Code::HostError => return Err(failure.message),
        Err(failure) => {
            let detail = failure.detail.map(|detail| format!("\n{detail}")).unwrap_or_default();
            let message = format!("describe failed: {}{detail}", failure.message);
            return unsound(Refusal::new("describe_failed", message));
        }
    };
    let begun = processor_time();
    if let Err(refusal) = checked(&described) {
        return unsound(refusal);
    }
    let each_start = linking + processor_time().saturating_sub(begun);
    if each_start > EACH_START_MAX {
        let message = format!(
            "each start would take {:.1} s to load it, more than the {} that a component may take",
            each_start.as_secs_f64(),
            EACH_START_MAX.as_secs()
        );
        return unsound(Refusal::new("compile_failed", message));
    }
    Ok(Finding::Sound { described, code: Arc::new(code) })
}

/// What this thread has computed so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// A component that this program compiled, linked.
pub(super) fn linked(linkers: &Arc<Linkers>, code: &[u8]) -> Result<Linked, Refusal> {
    let component = code::own_code(linkers.engines.first(), code)
        .map_err(|error| Refusal::new("compile_failed", why_it_has_no_place(&error)))?;
    fits_world(&component)?;
    Linked::new(linkers, component).map_err(|error| {
        let message = format!("it does not fit the world {WORLD}: {error:#}");
        Refusal::new("wrong_world", message)
    })
}

/// Says by its first bytes what a file is that can be no component. That is all the host reads in one.
pub(super) fn begins_as_component(bytes: &[u8]) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::new("invalid_component", message));
    if bytes.is_empty() {
        return invalid("the file is empty".into());
    }
    let Some(header) = bytes.first_chunk::<8>().filter(|header| header.starts_with(b"\0asm")) else {
        return invalid("it is not WebAssembly; the file does not begin as a .wasm file does".into());
    };
    if header[6] == 0 {
        return invalid(
            "it is a core WebAssembly module, not a component; build it for the target wasm32-wasip2, or turn it \
             into a component with `wasm-tools component new`"
                .into(),
        );
    }
    Ok(())
}

fn is_valid(bytes: &[u8]) -> Result<(), Refusal> {
    // Whether a feature that it uses is on is for the compiler to say.
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    validator.validate_all(bytes).map(|_| ()).map_err(|error| {
        Refusal::new("invalid_component", format!("it is not a valid component, or not a whole one: {error}"))
    })
}

/// Checks what a component imports and exports, in words that are of more help than the linker's.
fn fits_world(component: &Component) -> Result<(), Refusal> {
    let (ty, engine) = (component.component_type(), component.engine());
    let wrong = |message: String| Err(Refusal::new("wrong_world", message));
    for needed in ["describe", "run"] {
        if ty.get_export(engine, needed).is_none() {
            let exports: Vec<&str> = ty.exports(engine).map(|(name, _)| name).collect();
            return wrong(format!(
                "it does not export `{needed}`, so it does not target the world {WORLD}; it exports {}",
                if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") }
            ));
        }
    }
    for (import, _) in ty.imports(engine) {
        let known = import.starts_with("wasi:") || import.starts_with("longshore:job/");
        if !known {
            return wrong(format!("it imports {import}, which a Longshore job does not get"));
        }
        let ours = import.strip_prefix("longshore:job/").and_then(|rest| rest.split_once('@'));
        if let Some((interface, version)) = ours
            && !version.starts_with("0.1.")
        {
            return wrong(format!(
                "it imports longshore:job/{interface} in version {version}; this Longshore has version 0.1"
            ));
        }
    }
    Ok(())
}

/// Why compiled code cannot be loaded. wasmtime speaks of its pool, of which authors and operators know nothing.
fn why_it_has_no_place(error: &wasmtime::Error) -> String {
    let why = format!("{error:#}");
    if !why.contains("pooling allocator") {
        return why;
    }
    let number_after = |text: &str| {
        let rest = why.split_once(text)?.1;
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        (digits > 0).then(|| rest[..digits].to_owned())
    };
    let (memory_max, table_max) = (engine::MEMORY_RESERVATION, engine::POOL_TABLE_ELEMENTS);
    if let Some(bytes) = number_after("minimum byte size of ") {
        format!("a memory of it begins with {bytes} bytes, more than the {memory_max} that a memory may have")
    } else if let Some(elements) = number_after("minimum element size of ") {
        format!(
            "a table of it begins with {elements} elements, more than the {table_max} that a table may have"
        )
    } else if let Some(memories) =
        number_after("transitively contains ").filter(|_| why.contains("linear memories"))
    {
        format!("it has {memories} memories, more than a component may have")
    } else if let Some(tables) = number_after("transitively contains ").filter(|_| why.contains(" tables")) {
        format!("it has {tables} tables, more than a component may have")
    } else if let Some(instances) = number_after("transitively contains ") {
        format!("it is made of {instances} core instances, more than a component may have")
    } else if why.contains("aggregated core instance runtime space")
        || why.contains("core instance size")
        || why.contains("bytes of")
    {
        format!(
            "the host would have to keep more than {} bytes for each instance of it, besides its memories and tables: it has \
             too many imports, functions, data segments or core instances",
            engine::INSTANCE_BYTES_MAX
        )
    } else {
        why
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_components_say_what_they_are() {
        let message =
            |bytes: &[u8]| begins_as_component(bytes).and_then(|()| is_valid(bytes)).unwrap_err().message;
        assert!(message(b"").contains("empty"));
        assert!(message(b"#!/bin/sh\n").contains("not WebAssembly"));
        assert!(message(b"\0asm\x01\0\0\0").contains("core WebAssembly module"));
        assert!(message(b"\0asm\x0d\0\x01\0\x01\x7f").contains("not a whole one"));
        assert_eq!(is_valid(b"\0asm\x0d\0\x01\0"), Ok(()));
    }

    #[test]
    fn a_finding_is_the_same_after_it_was_kept() {
        let refusal = Refusal::new("wrong_world", "it exports nothing");
        let kept = Finding::Unsound(refusal.clone()).to_bytes().unwrap();
        let Finding::Unsound(same) = Finding::from_bytes(kept.clone()).unwrap() else { panic!() };
        assert_eq!(same, refusal);
        for length in 0..kept.len() {
            assert!(Finding::from_bytes(kept[..length].to_vec()).is_err(), "{length}");
        }
    }
}
