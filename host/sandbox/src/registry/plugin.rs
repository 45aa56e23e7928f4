//! From the bytes of a component to a plugin that can be served, or the reason why not.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use longshore_domain::{ComponentSha, JobType, JobTypeName, Limits, Permission, beginning_of};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::bindings::longshore::job::types;
use crate::engine;
use crate::program::{Linked, Program};
use crate::registry::cache::{Cache, Entry};
use crate::registry::compile::Withdrawal;
use crate::registry::making::Turn;
use crate::registry::{code, compile};
use crate::sandbox::Shared;
use crate::schema::{DEPTH_MAX, Schema, is_too_deep};

/// Bytes of a component file.
pub(crate) const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// Characters of a description, whatever a policy allows.
pub(crate) const DESCRIPTION_CHARS_MAX: usize = 1_000_000;

/// Characters of those that are one line: version, title, and what permissions say.
const LINE_CHARS_MAX: usize = 1_000;

/// Permissions that a component may ask for, whatever a policy allows.
pub(crate) const PERMISSIONS_MAX: usize = 1_000;

/// Bytes of a schema, whatever a policy allows.
pub(crate) const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// Characters of why a file is not served, which may repeat what the file says.
const REFUSAL_CHARS_MAX: usize = 2_000;

/// Bytes of a policy file.
pub(crate) const POLICY_BYTES_MAX: u64 = 1 << 20;

/// The version of the contract that is served.
const WORLD: &str = "longshore:job/job@0.1";

/// Why a file is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        let end = beginning_of(&message, REFUSAL_CHARS_MAX).len();
        if end < message.len() {
            message.truncate(end);
            message.push('…');
        }
        Self { code, message }
    }
}

/// A component that is ready to be served under any policy.
#[derive(Clone)]
pub(crate) struct Plugin {
    pub(crate) job_type: JobType,
    pub(crate) component: ComponentSha,
    pub(crate) program: Arc<Program>,
    pub(crate) lengths: Lengths,
}

/// How much a component says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    description_chars: usize,
    /// Bytes of the longer one of its schemas.
    schema_bytes: usize,
    permissions: usize,
}

impl Lengths {
    fn of(described: &Described) -> Self {
        let output_bytes = described.output_schema.as_ref().map_or(0, String::len);
        Self {
            description_chars: described.description.chars().count(),
            schema_bytes: described.input_schema.len().max(output_bytes),
            permissions: described.permissions.len(),
        }
    }

    /// Why a policy with such limits, which is in `file`, does not take it.
    pub(crate) fn refused(self, limits: &Limits, file: &str) -> Option<Refusal> {
        let may = [
            (
                "describe_failed",
                "its description has more characters than it may",
                self.description_chars,
                limits.description_chars_max,
                "description_chars_max",
            ),
            (
                "invalid_schema",
                "one of its schemas has more bytes than it may",
                self.schema_bytes,
                limits.schema_bytes_max,
                "schema_bytes_max",
            ),
            (
                "describe_failed",
                "it asks for more permissions than it may",
                self.permissions,
                limits.permissions_max,
                "permissions_max",
            ),
        ];
        may.into_iter().find(|(_, _, has, most, _)| *has > *most as usize).map(
            |(code, what, _, most, key)| {
                Refusal::new(code, format!("{what}: {most} (limits.{key} in {file})"))
            },
        )
    }
}

/// What `describe` said, in the form in which it is cached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Described {
    name: String,
    version: String,
    title: String,
    description: String,
    input_schema: String,
    output_schema: Option<String>,
    permissions: Vec<Asked>,
}

/// A permission that a component asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    kind: String,
    target: String,
    reason: String,
}

impl From<types::JobType> for Described {
    fn from(said: types::JobType) -> Self {
        let asked = |p: types::Permission| Asked { kind: p.kind, target: p.target, reason: p.reason };
        Self {
            name: said.name,
            version: said.version,
            title: said.title,
            description: said.description,
            input_schema: said.input_schema,
            output_schema: said.output_schema,
            permissions: said.permissions.into_iter().map(asked).collect(),
        }
    }
}

/// Reads a component file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    let bytes = read_at_most(path, COMPONENT_BYTES_MAX)
        .map_err(|error| Refusal::new("unreadable", format!("it cannot be read: {error}")))?;
    bytes.ok_or_else(|| {
        let message = format!("it has more than the {COMPONENT_BYTES_MAX} bytes that a component may have");
        Refusal::new("too_large", message)
    })
}

/// The bytes of a file; none if there are more than `most`, however many the file says it has.
pub(crate) fn read_at_most(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let no_file = || io::Error::other("it is no file");
    // Not even opened: that is an order to some devices.
    if !fs::metadata(path)?.is_file() {
        return Err(no_file());
    }
    // A pipe that has taken its place since, and that nobody writes to, would be waited for.
    let file =
        OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(no_file());
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

/// Makes a plugin of the component `bytes` in the file `stem.wasm`.
pub(crate) async fn load(
    shared: &Arc<Shared>,
    cache: Option<&Arc<Cache>>,
    stem: &str,
    bytes: Vec<u8>,
    withdrawal: &Withdrawal,
) -> Result<Plugin, Refusal> {
    let name: JobTypeName = stem.parse().map_err(|error| {
        Refusal::new("wrong_name", format!("the file's name is not that of a job type: {error}"))
    })?;
    let (bytes, sha) = blocking(move || {
        let sha = digest(&bytes);
        (bytes, sha)
    })
    .await?;
    if let Some((linked, described)) = warm(shared, cache, &sha).await {
        return served(linked, described, name, sha).await;
    }
    let bytes = blocking(move || is_component(&bytes).map(|()| bytes)).await??;
    let turn = turn(cache, &sha).await;
    let plugin = in_turn(shared, cache, turn.as_ref(), name, sha, bytes, withdrawal).await;
    // Not before: those who wait for the turn find the plugin in the cache then.
    turn.into_iter().for_each(Turn::end);
    plugin
}

/// The turn to compile a component; `None` where nothing is cached, and everybody compiles for themselves.
async fn turn(cache: Option<&Arc<Cache>>, sha: &str) -> Option<Turn> {
    let turn = cache?.turn(sha).await;
    turn.inspect_err(|error| tracing::debug!(%error, "a component is compiled without its turn")).ok()
}

/// A component that is new, or was when the turn was waited for.
async fn in_turn(
    shared: &Arc<Shared>,
    cache: Option<&Arc<Cache>>,
    turn: Option<&Turn>,
    name: JobTypeName,
    sha: String,
    bytes: Vec<u8>,
    withdrawal: &Withdrawal,
) -> Result<Plugin, Refusal> {
    if turn.is_some_and(|turn| turn.waited)
        && let Some((linked, described)) = warm(shared, cache, &sha).await
    {
        return served(linked, described, name, sha).await;
    }
    let (linked, described, code) = cold(shared, turn, bytes, withdrawal).await?;
    let plugin = served(linked, described.clone(), name, sha.clone()).await?;
    if let Some(cache) = cache {
        let cache = Arc::clone(cache);
        blocking(move || cache.put(&sha, &Entry { described, code })).await?;
    }
    Ok(plugin)
}

/// A plugin of what was loaded, if what it says of itself is right.
async fn served(
    linked: Linked,
    described: Described,
    name: JobTypeName,
    sha: String,
) -> Result<Plugin, Refusal> {
    let lengths = Lengths::of(&described);
    let described = Arc::new(described);
    let describing = Arc::clone(&described);
    let (job_type, input, output) = blocking(move || checked(&describing, &name)).await??;
    let program = Arc::new(Program::new(linked, input, output));
    Ok(Plugin { job_type, component: ComponentSha::new(sha), program, lengths })
}

/// A component that was loaded before, from the cache. No guest runs.
async fn warm(shared: &Arc<Shared>, cache: Option<&Arc<Cache>>, sha: &str) -> Option<(Linked, Described)> {
    let (shared, cache, sha) = (Arc::clone(shared), Arc::clone(cache?), sha.to_owned());
    blocking(move || {
        let entry = cache.get(&sha)?;
        let component = code::own_code(shared.linker.engine(), &entry.code)
            .and_then(|component| Linked::new(&shared, component))
            .inspect_err(|error| tracing::debug!("cached code is of no use: {error:#}"))
            .ok()?;
        Some((component, entry.described))
    })
    .await
    .ok()
    .flatten()
}

/// A component that is compiled.
async fn cold(
    shared: &Arc<Shared>,
    turn: Option<&Turn>,
    bytes: Vec<u8>,
    withdrawal: &Withdrawal,
) -> Result<(Linked, Described, Arc<Vec<u8>>), Refusal> {
    let code = compile::compile(shared, turn, bytes, withdrawal).await?;
    let (shared, sharing) = (Arc::clone(shared), Arc::new(code));
    let code = Arc::clone(&sharing);
    let linked = blocking(move || {
        let component = code::own_code(shared.linker.engine(), &sharing)
            .map_err(|error| Refusal::new("compile_failed", why_it_has_no_place(&error)))?;
        fits_world(&component)?;
        Linked::new(&shared, component).map_err(|error| {
            let message = format!("it does not fit the world {WORLD}: {error:#}");
            Refusal::new("wrong_world", message)
        })
    })
    .await??;
    let described = linked.describe().await.map_err(|failure| {
        let detail = failure.detail.map(|detail| format!("\n{detail}")).unwrap_or_default();
        Refusal::new("describe_failed", format!("describe failed: {}{detail}", failure.message))
    })?;
    Ok((linked, Described::from(described), code))
}

/// Why compiled code cannot be loaded. wasmtime speaks of its pool, of which authors and operators know nothing.
fn why_it_has_no_place(error: &wasmtime::Error) -> String {
    let why = format!("{error:#}");
    if !why.contains("pooling allocator") {
        return why;
    }
    format!(
        "the host would have to keep more than {} bytes for each instance of it, besides its memories and tables: it has too many \
         imports, functions, data segments or core instances",
        engine::INSTANCE_BYTES_MAX
    )
}

/// Runs `work` where it may take its time.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Refusal::new("compile_failed", format!("the host failed to load it: {error}")))
}

/// Checks that `bytes` are a valid component, and says what else they are.
fn is_component(bytes: &[u8]) -> Result<(), Refusal> {
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
    // Whether a feature that it uses is on is for the compiler to say.
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    match validator.validate_all(bytes) {
        Ok(_) => Ok(()),
        Err(error) => invalid(format!("it is not a valid component, or not a whole one: {error}")),
    }
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

/// Checks what a component says of itself.
fn checked(described: &Described, name: &JobTypeName) -> Result<(JobType, Schema, Option<Schema>), Refusal> {
    let Described { name: said, version, title, description, input_schema, output_schema, permissions } =
        described.clone();
    if said != name.as_str() {
        let said = beginning_of(&said, LINE_CHARS_MAX);
        return Err(Refusal::new(
            "wrong_name",
            format!(
                "it describes the job type {said:?}, so its file must be called {said}.wasm, not {name}.wasm"
            ),
        ));
    }
    let describe_failed = |message: String| Err(Refusal::new("describe_failed", message));
    if description.trim().is_empty() {
        return describe_failed("its description is empty; an agent that is to call it needs one".into());
    }
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        return describe_failed(format!("its description has more than {DESCRIPTION_CHARS_MAX} characters"));
    }
    // They are shown on terminals, where a control character can make other text of them.
    let lines =
        [("version", &version), ("title", &title)].into_iter().chain(permissions.iter().flat_map(|asked| {
            [("permission", &asked.kind), ("permission", &asked.target), ("permission", &asked.reason)]
        }));
    for (what, text) in lines {
        if text.chars().count() > LINE_CHARS_MAX || text.contains(char::is_control) {
            return describe_failed(format!(
                "its {what} has more than {LINE_CHARS_MAX} characters, or a control character"
            ));
        }
    }
    if description.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return describe_failed("its description has a control character".into());
    }
    if permissions.len() > PERMISSIONS_MAX {
        return describe_failed(format!("it asks for more than {PERMISSIONS_MAX} permissions"));
    }
    let (input_schema, input) = schema("input", &input_schema)?;
    if input_schema.get("type") != Some(&Value::from("object")) {
        let message = "the input schema must say `\"type\": \"object\"` at its top";
        return Err(Refusal::new("invalid_schema", message));
    }
    let (output_schema, output) = match output_schema {
        Some(text) => {
            let (value, schema) = schema("output", &text)?;
            (Some(value), Some(schema))
        }
        None => (None, None),
    };
    let permission = |p: Asked| Permission { kind: p.kind, target: p.target, reason: p.reason };
    let job_type = JobType {
        name: name.clone(),
        version,
        title,
        description,
        input_schema,
        output_schema,
        permissions: permissions.into_iter().map(permission).collect(),
    };
    Ok((job_type, input, output))
}

fn schema(which: &str, text: &str) -> Result<(Value, Schema), Refusal> {
    let wrong = |why: String| Refusal::new("invalid_schema", format!("the {which} schema is wrong: {why}"));
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(wrong(format!("it has more than {SCHEMA_BYTES_MAX} bytes")));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| wrong(format!("it is not JSON: {error}")))?;
    if is_too_deep(&value) {
        return Err(wrong(format!("it is nested deeper than {DEPTH_MAX} levels")));
    }
    let schema = Schema::compile(&value).map_err(wrong)?;
    Ok((value, schema))
}

/// The digest by which a component is known.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described() -> Described {
        Described {
            name: "export".into(),
            version: "1.0.0".into(),
            title: "Export".into(),
            description: "Exports a table.".into(),
            input_schema: r#"{"type": "object"}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn refusal(described: &Described) -> Refusal {
        checked(described, &"export".parse().unwrap()).err().unwrap()
    }

    #[test]
    fn a_component_must_say_what_its_file_says() {
        assert!(checked(&described(), &"export".parse().unwrap()).is_ok());
        let refusal = refusal(&Described { name: "import".into(), ..described() });
        assert_eq!(refusal.code, "wrong_name");
        assert!(refusal.message.contains("import.wasm"), "{}", refusal.message);
    }

    #[test]
    fn schemas_are_checked() {
        for wrong in ["", "{", r#"{"type": "string"}"#, "true", r#"{"type": "object", "required": 1}"#] {
            let refusal = refusal(&Described { input_schema: wrong.into(), ..described() });
            assert_eq!(refusal.code, "invalid_schema", "{wrong}");
        }
        assert_eq!(
            refusal(&Described { output_schema: Some("[]".into()), ..described() }).code,
            "invalid_schema"
        );
        assert_eq!(refusal(&Described { description: " ".into(), ..described() }).code, "describe_failed");
    }

    #[test]
    fn what_a_component_says_of_itself_is_bounded_and_has_no_control_characters() {
        let asked = |reason: &str| Asked { kind: "data".into(), target: "*".into(), reason: reason.into() };
        assert!(
            checked(
                &Described { description: "Two\nlines.".into(), ..described() },
                &"export".parse().unwrap()
            )
            .is_ok()
        );
        for bad in [
            Described { version: "1\u{1b}[2J".into(), ..described() },
            Described { title: "two\nlines".into(), ..described() },
            Described { title: "x".repeat(1_001), ..described() },
            Described { description: "\u{9b}31m".into(), ..described() },
            Described { description: "x".repeat(DESCRIPTION_CHARS_MAX + 1), ..described() },
            Described { permissions: vec![asked("a\rb")], ..described() },
            Described { permissions: vec![asked(&"x".repeat(1_001))], ..described() },
            Described { permissions: vec![asked("x"); PERMISSIONS_MAX + 1], ..described() },
        ] {
            assert_eq!(refusal(&bad).code, "describe_failed", "{bad:?}");
        }
        let schema = format!(r#"{{"type": "object", "title": "{}"}}"#, "x".repeat(SCHEMA_BYTES_MAX));
        assert_eq!(refusal(&Described { input_schema: schema, ..described() }).code, "invalid_schema");
        let refused = refusal(&Described { name: "\u{1}".repeat(100_000), ..described() });
        assert!(refused.code == "wrong_name" && refused.message.chars().count() <= 2_001);
    }

    #[test]
    fn a_schema_is_as_deep_as_clients_can_read() {
        let nested = |levels: usize| {
            let input_schema =
                format!(r#"{{"type": "object", "default": {}{}}}"#, "[".repeat(levels), "]".repeat(levels));
            checked(&Described { input_schema, ..described() }, &"export".parse().unwrap())
        };
        assert!(nested(47).is_ok());
        let refused = nested(48).err().unwrap();
        assert!(refused.code == "invalid_schema" && refused.message.contains("48"), "{refused:?}");
    }

    #[test]
    fn a_policy_says_how_much_a_component_may_say_of_itself() {
        let refused_by_policy = |described: &Described| {
            let limits = Limits {
                description_chars_max: 20,
                schema_bytes_max: 30,
                permissions_max: 1,
                ..Limits::default()
            };
            Lengths::of(described).refused(&limits, "export.toml")
        };
        assert_eq!(refused_by_policy(&described()), None);
        let asked = Asked { kind: "data".into(), target: "*".into(), reason: "reads".into() };
        for (long, code, key) in [
            (
                Described { description: "x".repeat(21), ..described() },
                "describe_failed",
                "20 (limits.description_chars_max in export.toml)",
            ),
            (
                Described { output_schema: Some(" ".repeat(31)), ..described() },
                "invalid_schema",
                "30 (limits.schema_bytes_max in export.toml)",
            ),
            (
                Described { permissions: vec![asked.clone(), asked], ..described() },
                "describe_failed",
                "1 (limits.permissions_max in export.toml)",
            ),
        ] {
            let refused = refused_by_policy(&long).unwrap();
            assert!(refused.code == code && refused.message.ends_with(key), "{refused:?}");
        }
    }

    #[test]
    fn files_that_are_no_components_say_what_they_are() {
        let message = |bytes: &[u8]| is_component(bytes).unwrap_err().message;
        assert!(message(b"").contains("empty"));
        assert!(message(b"#!/bin/sh\n").contains("not WebAssembly"));
        assert!(message(b"\0asm\x01\0\0\0").contains("core WebAssembly module"));
        assert!(message(b"\0asm\x0d\0\x01\0\x01\x7f").contains("not a whole one"));
        assert_eq!(is_component(b"\0asm\x0d\0\x01\0"), Ok(()));
    }
}
