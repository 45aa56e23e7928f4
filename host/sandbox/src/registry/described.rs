//! What a component says of itself, and what is checked of it.

use longshore_domain::{JobType, JobTypeName, Limits, Permission, beginning_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bindings::longshore::job::types;
use crate::registry::refusal::Refusal;
use crate::schema::{DEPTH_MAX, Schema, is_too_deep};

/// Characters of a description, whatever a policy allows.
pub(crate) const DESCRIPTION_CHARS_MAX: usize = 1_000_000;

/// Characters of those that are one line: version, title, and what permissions say.
const LINE_CHARS_MAX: usize = 1_000;

/// Permissions that a component may ask for, whatever a policy allows.
pub(crate) const PERMISSIONS_MAX: usize = 1_000;

/// Bytes of a schema, whatever a policy allows.
pub(crate) const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// How much a component says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    description_chars: usize,
    /// Bytes of the longer one of its schemas.
    schema_bytes: usize,
    permissions: usize,
}

impl Lengths {
    pub(crate) fn of(described: &Described) -> Self {
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

/// What is made of a description that is sound.
pub(crate) struct Checked {
    input_schema: Value,
    input: Schema,
    output: Option<(Value, Schema)>,
}

/// Checks what a component says of itself, but for its name.
pub(crate) fn checked(described: &Described) -> Result<Checked, Refusal> {
    let Described { version, title, description, input_schema, output_schema, permissions, .. } = described;
    let describe_failed = |message: String| Err(Refusal::new("describe_failed", message));
    if description.trim().is_empty() {
        return describe_failed("its description is empty; an agent that is to call it needs one".into());
    }
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        return describe_failed(format!("its description has more than {DESCRIPTION_CHARS_MAX} characters"));
    }
    // They are shown on terminals, where a control character can make other text of them.
    let lines =
        [("version", version), ("title", title)].into_iter().chain(permissions.iter().flat_map(|asked| {
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
    let (input_schema, input) = schema("input", input_schema)?;
    if input_schema.get("type") != Some(&Value::from("object")) {
        let message = "the input schema must say `\"type\": \"object\"` at its top";
        return Err(Refusal::new("invalid_schema", message));
    }
    let output = output_schema.as_ref().map(|text| schema("output", text)).transpose()?;
    Ok(Checked { input_schema, input, output })
}

/// The job type that the file `name.wasm` has, with its schemas.
pub(crate) fn job_type(
    described: Described,
    name: &JobTypeName,
) -> Result<(JobType, Schema, Option<Schema>), Refusal> {
    if described.name != name.as_str() {
        let said = beginning_of(&described.name, LINE_CHARS_MAX);
        return Err(Refusal::new(
            "wrong_name",
            format!(
                "it describes the job type {said:?}, so its file must be called {said}.wasm, not {name}.wasm"
            ),
        ));
    }
    let Checked { input_schema, input, output } = checked(&described)?;
    let (output_schema, output) = output.unzip();
    let permission = |p: Asked| Permission { kind: p.kind, target: p.target, reason: p.reason };
    let job_type = JobType {
        name: name.clone(),
        version: described.version,
        title: described.title,
        description: described.description,
        input_schema,
        output_schema,
        permissions: described.permissions.into_iter().map(permission).collect(),
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
        job_type(described.clone(), &"export".parse().unwrap()).err().unwrap()
    }

    #[test]
    fn a_component_must_say_what_its_file_says() {
        assert!(job_type(described(), &"export".parse().unwrap()).is_ok());
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
        assert!(checked(&Described { description: "Two\nlines.".into(), ..described() }).is_ok());
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
            checked(&Described { input_schema, ..described() })
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
}
