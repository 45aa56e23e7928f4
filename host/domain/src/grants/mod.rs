//! What an operator lets a job type reach.

mod http;
mod recipients;
mod tables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use self::http::HttpTarget;
pub use self::http::{HeaderName, HeaderPart, HeaderTemplate, HttpGrant, HttpMethod};
pub use self::recipients::Recipients;
pub use self::tables::Tables;
use crate::Permission;

/// Name of the directory that each attempt has for itself, and that is deleted with it.
pub const SCRATCH: &str = "tmp";

/// What an operator lets a job type reach. Empty unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Names of data sources that it may read.
    pub data: Vec<String>,
    /// Names of outbox channels that it may send through.
    pub outbox: Vec<String>,
    /// Names of directories that it may read, and [`SCRATCH`].
    pub directories: Vec<String>,
    /// Names of secrets that it may read.
    pub secrets: Vec<String>,
    /// Parts of the web that it may call. The first that covers a call counts.
    pub http: Vec<HttpGrant>,
    /// By name of a source of `data`: the tables that it may read there. All of a source that is not named here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Tables>,
    /// By name of a channel of `outbox`: whom it may write to. Anybody by a channel that is not named here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub recipients: BTreeMap<String, Recipients>,
}

impl Grants {
    /// What is granted of that kind, as it is written or close to it; none for a kind that is not known.
    pub fn of_kind(&self, kind: &str) -> Option<Vec<String>> {
        match kind {
            "http" => Some(self.http.iter().map(HttpGrant::to_string).collect()),
            _ => self.names(kind).map(<[String]>::to_vec),
        }
    }

    /// Names that are granted of a kind whose grants are names.
    fn names(&self, kind: &str) -> Option<&[String]> {
        match kind {
            "data" => Some(&self.data),
            "outbox" => Some(&self.outbox),
            "directories" => Some(&self.directories),
            "secrets" => Some(&self.secrets),
            _ => None,
        }
    }

    /// Whether `target` of `kind` is granted. For `*`: whether anything of that kind is; for `SOURCE.TABLE` of `data`:
    /// whether anything of that table is; for `http`: whether the URL may be called by each of the methods.
    pub fn allows(&self, kind: &str, target: &str) -> bool {
        if kind == "http" {
            return match target {
                "*" => !self.http.is_empty(),
                target => HttpTarget::parse(target).is_ok_and(|target| target.is_within(&self.http)),
            };
        }
        let Some(granted) = self.names(kind) else { return false };
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

    /// The grant by which a job may call `url`; none if it may not.
    pub fn http(&self, method: &str, url: &Url) -> Option<&HttpGrant> {
        self.http.iter().find(|grant| grant.covers(method, url))
    }

    /// Names of secrets that the host or the job needs.
    pub fn needed_secrets(&self) -> impl Iterator<Item = &str> {
        let in_headers =
            self.http.iter().flat_map(|grant| grant.headers.values()).flat_map(HeaderTemplate::secrets);
        self.secrets.iter().map(String::as_str).chain(in_headers)
    }

    /// What is missing to grant all of `asked`, as the text that tells an operator what to add to `file`; none when
    /// nothing is missing.
    pub fn missing(&self, asked: &[Permission], file: &str) -> Option<String> {
        let missing = asked.iter().filter(|p| !self.allows(&p.kind, &p.target)).map(|permission| {
            let Permission { kind, target, reason } = permission;
            match self.line(kind, target) {
                Ok(line) => {
                    format!("it asks for {kind} {target:?} ({reason}); to grant it, write {line} in {file}")
                }
                Err(why) => format!("it asks for {kind:?} {target:?}, which nobody can grant: {why}"),
            }
        });
        let missing: Vec<String> = missing.collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }

    /// The line that would grant `target`, and where it belongs; or why there is none.
    pub fn line(&self, kind: &str, target: &str) -> Result<String, String> {
        if kind == "http" {
            let wanted = match target {
                "*" => "{ url = \"https://HOST/PATH\" }".to_owned(),
                target => HttpTarget::parse(target)?.grant().line(),
            };
            let lines: Vec<String> = self.http.iter().map(HttpGrant::line).chain([wanted]).collect();
            return Ok(format!("`http = [{}]` under [grants]", lines.join(", ")));
        }
        let Some(granted) = self.names(kind) else {
            return Err("this version of Longshore does not know the permission".into());
        };
        let name = match target.split_once('.') {
            _ if target == "*" => "NAME",
            Some((source, table)) if kind == "data" => {
                if granted.iter().any(|name| name == source) {
                    return Ok(format!("`{table} = \"*\"` under [grants.tables.{source}]"));
                }
                source
            }
            _ => target,
        };
        let list: Vec<String> =
            granted.iter().map(String::as_str).chain([name]).map(|name| format!("{name:?}")).collect();
        Ok(format!("`{kind} = [{}]` under [grants]", list.join(", ")))
    }

    /// A part that cannot be meant, such as one that narrows what is not granted.
    pub fn contradiction(&self) -> Option<String> {
        let stray_table = self.tables.keys().find(|source| !self.data.contains(source));
        if let Some(source) = stray_table {
            return Some(format!(
                "grants.tables names the source {source:?}, which grants.data does not have"
            ));
        }
        let stray_recipient = self.recipients.keys().find(|channel| !self.outbox.contains(channel));
        if let Some(channel) = stray_recipient {
            return Some(format!(
                "grants.recipients names the channel {channel:?}, which grants.outbox does not have"
            ));
        }
        self.http.iter().find_map(HttpGrant::contradiction)
    }
}

#[cfg(test)]
mod tests {
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
    fn a_call_may_be_asked_for_with_its_methods() {
        let asked =
            [asks("http", "https://api.example.com/v1"), asks("http", "GET,POST https://api.example.com/v2")];
        let text = Grants::default().missing(&asked, "crm.toml").unwrap();
        assert!(
            text.contains(
                "write `http = [{ url = \"https://api.example.com/v1\", methods = [\"GET\", \"HEAD\"] }]` under [grants] in \
                 crm.toml"
            ),
            "{text}"
        );
        let http = serde_json::json!([
            {"url": "https://api.example.com/v1"}, {"url": "https://api.example.com/", "methods": ["GET"]},
        ]);
        let grants = Grants { http: serde_json::from_value(http).unwrap(), ..Grants::default() };
        assert!(grants.allows("http", &asked[0].target) && grants.allows("http", "*"));
        assert!(grants.allows("http", "GET https://api.example.com/v2"));
        let text = grants.missing(&asked, "crm.toml").unwrap();
        assert!(
            text.contains(", { url = \"https://api.example.com/v2\", methods = [\"GET\", \"POST\"] }]`"),
            "{text}"
        );
        let text = grants.missing(&[asks("http", "POST somewhere")], "crm.toml").unwrap();
        assert!(text.contains("nobody can grant") && text.contains("no URL"), "{text}");
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
}
