//! What an operator lets a job type reach.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::Permission;

/// What an operator lets a job type reach. Empty unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Names of data sources that it may read.
    pub data: Vec<String>,
    /// Names of outbox channels that it may send through.
    pub outbox: Vec<String>,
    /// By name of a source of `data`: the tables that it may read there. All of a source that is not named here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Tables>,
    /// By name of a channel of `outbox`: whom it may write to. Anybody by a channel that is not named here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub recipients: BTreeMap<String, Recipients>,
}

impl Grants {
    /// What is granted of that kind; none for a kind that is not known.
    pub fn of_kind(&self, kind: &str) -> Option<&[String]> {
        match kind {
            "data" => Some(&self.data),
            "outbox" => Some(&self.outbox),
            _ => None,
        }
    }

    /// Whether `target` of `kind` is granted. For `*`: whether anything of that kind is; for `SOURCE.TABLE` of `data`:
    /// whether anything of that table is.
    pub fn allows(&self, kind: &str, target: &str) -> bool {
        let Some(granted) = self.of_kind(kind) else { return false };
        let names = |target: &str| granted.iter().any(|name| name == target);
        match target.split_once('.') {
            _ if target == "*" => !granted.is_empty(),
            _ if names(target) => true,
            Some((source, table)) if kind == "data" => {
                names(source) && self.tables.get(source).is_none_or(|tables| tables.allow(table, ""))
            }
            _ => false,
        }
    }

    /// What is missing to grant all of `asked`, as the text that tells an operator what to add to `file`; none when
    /// nothing is missing.
    pub fn missing(&self, asked: &[Permission], file: &str) -> Option<String> {
        let mut text = String::new();
        for permission in asked.iter().filter(|p| !self.allows(&p.kind, &p.target)) {
            let Permission { kind, target, reason } = permission;
            if !text.is_empty() {
                text.push_str("; ");
            }
            match self.line(kind, target) {
                Some(line) => {
                    let _ = write!(
                        text,
                        "it asks for {kind} {target:?} ({reason}); to grant it, write {line} in {file}"
                    );
                }
                None => {
                    let _ = write!(
                        text,
                        "it asks for permission {kind:?}, which this version of Longshore does not know"
                    );
                }
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// The line that would grant `target`, and where it belongs.
    pub fn line(&self, kind: &str, target: &str) -> Option<String> {
        let granted = self.of_kind(kind)?;
        let name = match target.split_once('.') {
            _ if target == "*" => "NAME",
            Some((source, table)) if kind == "data" => {
                if granted.iter().any(|name| name == source) {
                    return Some(format!("`{table} = \"*\"` under [grants.tables.{source}]"));
                }
                source
            }
            _ => target,
        };
        let list: Vec<String> =
            granted.iter().map(String::as_str).chain([name]).map(|name| format!("{name:?}")).collect();
        Some(format!("`{kind} = [{}]` under [grants]", list.join(", ")))
    }

    /// A part that narrows what is not granted, which cannot be meant.
    pub fn contradiction(&self) -> Option<String> {
        let stray_table = self.tables.keys().find(|source| !self.data.contains(source));
        let stray_recipient = self.recipients.keys().find(|channel| !self.outbox.contains(channel));
        if let Some(source) = stray_table {
            return Some(format!(
                "grants.tables names the source {source:?}, which grants.data does not have"
            ));
        }
        stray_recipient.map(|channel| {
            format!("grants.recipients names the channel {channel:?}, which grants.outbox does not have")
        })
    }
}

/// Tables of a source, and what of each may be read. Names are compared as SQL does, ignoring the case of ASCII letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tables(BTreeMap<String, Columns>);

impl Tables {
    /// Whether a column of a table may be read. An empty column stands for the fact that there are rows.
    pub fn allow(&self, table: &str, column: &str) -> bool {
        let of = |name: &str| self.0.iter().find(|(granted, _)| granted.eq_ignore_ascii_case(name));
        match of(table) {
            None => false,
            Some((_, Columns::All(_))) => true,
            Some((_, Columns::Some(names))) => {
                column.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(column))
            }
        }
    }
}

/// Columns of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "\"*\" for all columns, or a list of their names")]
enum Columns {
    All(Star),
    Some(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Star {
    #[serde(rename = "*")]
    All,
}

/// Whom a job may write to: patterns in which `*` stands for any text, compared ignoring the case of ASCII letters. What
/// could be read as several recipients, or as a name before one, fits a pattern that is the very text, or `*` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recipients(Vec<String>);

impl Recipients {
    /// Whether one of the patterns fits all of `recipient`.
    pub fn allow(&self, recipient: &str) -> bool {
        let recipient = recipient.to_ascii_lowercase();
        let is_plain = !recipient.contains(|c: char| c.is_whitespace() || ",;<>()[]\"\\".contains(c))
            && recipient.matches('@').count() <= 1;
        self.0
            .iter()
            .map(|pattern| pattern.to_ascii_lowercase())
            .any(|pattern| pattern == "*" || pattern == recipient || (is_plain && fits(&pattern, &recipient)))
    }

    /// The patterns.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }
}

/// Whether `text` is what `pattern` says. Each part between stars is taken where it comes first, which leaves most to
/// those after it, so nothing has to be tried twice.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asks(kind: &str, target: &str) -> Permission {
        Permission { kind: kind.into(), target: target.into(), reason: "to read orders".into() }
    }

    fn shop(tables: &str) -> Grants {
        Grants {
            data: vec!["shop".into()],
            tables: [("shop".into(), serde_json::from_str(tables).unwrap())].into(),
            ..Grants::default()
        }
    }

    #[test]
    fn a_missing_grant_comes_with_the_line_to_add() {
        let grants = Grants { data: vec!["shop".into()], ..Grants::default() };
        let text = grants.missing(&[asks("data", "shop"), asks("data", "crm")], "export.toml").unwrap();
        assert_eq!(
            text,
            "it asks for data \"crm\" (to read orders); to grant it, write `data = [\"shop\", \"crm\"]` under [grants] in \
             export.toml"
        );
        assert_eq!(grants.missing(&[asks("data", "*")], "export.toml"), None);
        assert!(grants.missing(&[asks("outbox", "*")], "x.toml").unwrap().contains("`outbox = [\"NAME\"]`"));
    }

    #[test]
    fn an_unknown_kind_is_never_granted() {
        assert!(!Grants::default().allows("teleport", "*"));
        assert!(
            Grants::default().missing(&[asks("teleport", "*")], "x.toml").unwrap().contains("does not know")
        );
    }

    #[test]
    fn a_table_may_be_asked_for_by_name() {
        let all = Grants { data: vec!["shop".into()], ..Grants::default() };
        assert!(all.allows("data", "shop.orders"));
        let some = shop(r#"{"orders": "*"}"#);
        assert!(some.allows("data", "shop") && some.allows("data", "shop.Orders"));
        assert!(!some.allows("data", "shop.customers"));
        let text = some.missing(&[asks("data", "shop.customers")], "export.toml").unwrap();
        assert!(
            text.contains("write `customers = \"*\"` under [grants.tables.shop] in export.toml"),
            "{text}"
        );
        let text = some.missing(&[asks("data", "crm.people")], "export.toml").unwrap();
        assert!(text.contains("write `data = [\"shop\", \"crm\"]` under [grants]"), "{text}");
    }

    #[test]
    fn columns_are_granted_by_name_in_any_case() {
        let grants = shop(r#"{"orders": "*", "Customers": ["id", "City"]}"#);
        let tables = &grants.tables["shop"];
        assert!(tables.allow("ORDERS", "anything") && tables.allow("orders", ""));
        assert!(tables.allow("customers", "ID") && tables.allow("CUSTOMERS", "city"));
        assert!(tables.allow("customers", ""), "that there are rows is no secret");
        assert!(!tables.allow("customers", "email") && !tables.allow("products", ""));
        assert!(serde_json::from_str::<Tables>(r#"{"orders": "all"}"#).is_err());
    }

    #[test]
    fn what_narrows_nothing_is_a_mistake() {
        let grants = Grants { data: Vec::new(), ..shop("{}") };
        assert!(grants.contradiction().unwrap().contains("\"shop\""));
        assert_eq!(shop("{}").contradiction(), None);
        let recipients = [("email".to_owned(), Recipients::default())].into();
        let grants = Grants { recipients, ..Grants::default() };
        assert!(grants.contradiction().unwrap().contains("\"email\""));
    }

    #[test]
    fn recipients_are_patterns() {
        let recipients = Recipients(vec!["*@example.com".into(), "ops@corp.test".into(), "a*b*c".into()]);
        for good in ["ann@example.com", "Ann@EXAMPLE.com", "ops@corp.test", "abc", "aXbbXc"] {
            assert!(recipients.allow(good), "{good}");
        }
        for bad in ["ann@example.com.evil.test", "xops@corp.test", "ops@corp.testx", "", "ac", "cba"] {
            assert!(!recipients.allow(bad), "{bad}");
        }
        for several in [
            "eve@evil.test,ann@example.com",
            "eve@evil.test; ann@example.com",
            "\"eve@evil.test\" ann@example.com",
            "<eve@evil.test>ann@example.com",
            "eve@evil.test@example.com",
            "eve@evil.test\u{a0}ann@example.com",
        ] {
            assert!(!recipients.allow(several), "{several}");
            assert!(Recipients(vec!["*".into()]).allow(several));
        }
        assert!(Recipients(vec!["https://hooks.test/a/*".into()]).allow("https://hooks.test/a/b"));
        assert!(!Recipients::default().allow("anybody"));
    }

    proptest! {
        #[test]
        fn a_pattern_fits_whatever_its_stars_stand_for(
            parts in prop::collection::vec("[ab]{0,3}", 1..5), fill in prop::collection::vec("[ab]{0,3}", 4),
        ) {
            let mut text = parts[0].clone();
            for (part, fill) in parts[1..].iter().zip(&fill) {
                text += fill;
                text += part;
            }
            prop_assert!(fits(&parts.join("*"), &text));
        }

        #[test]
        fn a_pattern_agrees_with_a_way_that_tries_everything(pattern in "[ab*]{0,6}", text in "[ab]{0,6}") {
            prop_assert_eq!(fits(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }

    /// The same, trying everything.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some((byte, rest)) => text.first() == Some(byte) && naive(rest, &text[1..]),
        }
    }
}
