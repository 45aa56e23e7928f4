//! Which calls of the web a job may make.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::UrlPrefix;

/// A part of the web that a job may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpGrant {
    /// It, and what is below it.
    pub url: UrlPrefix,
    /// How it may be called.
    #[serde(default = "HttpMethod::reading")]
    pub methods: Vec<HttpMethod>,
    /// Whether addresses may be called that are not on the public internet, such as those of this machine. Only such may
    /// be called without TLS, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_private: bool,
    /// Headers that the host sets, by name. The job sees neither them nor the secrets in them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<HeaderName, HeaderTemplate>,
}

impl HttpGrant {
    /// Whether it lets a job call `url` like that.
    pub fn covers(&self, method: &str, url: &Url) -> bool {
        self.methods.iter().any(|granted| granted.as_str() == method) && self.url.covers(url)
    }

    /// What cannot be meant.
    pub(super) fn contradiction(&self) -> Option<String> {
        let url = &self.url;
        if self.methods.is_empty() {
            return Some(format!("grants.http of {url} has no methods, so nothing could be called"));
        }
        (url.url().scheme() == "http" && !self.allow_private).then(|| {
            format!(
                "grants.http of {url}: http can be read by everybody on the way, and is for private addresses only; use \
                 https, or allow_private = true"
            )
        })
    }

    /// As it is written in a policy, on one line.
    pub(super) fn line(&self) -> String {
        let methods: Vec<String> =
            self.methods.iter().map(|method| format!("{:?}", method.as_str())).collect();
        let allow_private = if self.allow_private { ", allow_private = true" } else { "" };
        // Clients are told this line. A value without `{SECRET}` may be one itself.
        let shown = |value: &HeaderTemplate| {
            if value.secrets().next().is_some() { value.0.clone() } else { "…".to_owned() }
        };
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{} = {:?}", name.0, shown(value))).collect();
        let headers = match headers.as_slice() {
            [] => String::new(),
            headers => format!(", headers = {{ {} }}", headers.join(", ")),
        };
        let (url, methods) = (self.url.to_string(), methods.join(", "));
        format!("{{ url = {url:?}, methods = [{methods}]{allow_private}{headers} }}")
    }
}

impl fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<&str> = self.methods.iter().map(HttpMethod::as_str).collect();
        write!(f, "{} {}", methods.join(","), self.url)
    }
}

/// What a job asks for: `GET,POST https://api.example.com/v1`, or the URL alone for `GET` and `HEAD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpTarget {
    pub(super) methods: Vec<HttpMethod>,
    pub(super) url: UrlPrefix,
}

impl HttpTarget {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (methods, url) = match text.split_once(' ') {
            None => (HttpMethod::reading(), text),
            Some((methods, url)) => {
                let methods = methods.split(',').map(|method| HttpMethod::try_from(method.to_owned()));
                (methods.collect::<Result<_, _>>()?, url)
            }
        };
        Ok(Self { methods, url: UrlPrefix::parse(url)? })
    }

    /// Whether all of it is granted by `grants` together.
    pub(super) fn is_within(&self, grants: &[HttpGrant]) -> bool {
        let url = self.url.url();
        self.methods.iter().all(|method| grants.iter().any(|grant| grant.covers(method.as_str(), url)))
    }

    /// The grant that would do.
    pub(super) fn grant(self) -> HttpGrant {
        // Nothing else can be called without TLS.
        let allow_private = self.url.url().scheme() == "http";
        HttpGrant { url: self.url, methods: self.methods, allow_private, headers: BTreeMap::new() }
    }
}

/// A method of HTTP, in capitals, as all that are in use are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpMethod(String);

impl HttpMethod {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn reading() -> Vec<Self> {
        ["GET", "HEAD"].map(|method| Self(method.to_owned())).into()
    }
}

impl TryFrom<String> for HttpMethod {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_name =
            (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        if name.eq_ignore_ascii_case("CONNECT") || name.eq_ignore_ascii_case("TRACE") {
            return Err(format!(
                "{name:?} cannot be granted: it is for proxies and for looking at what was sent, secrets included"
            ));
        }
        if !is_name {
            let name: String = name.chars().take(32).collect();
            return Err(format!("{name:?} is not the name of a method: write it in capitals, as in \"GET\""));
        }
        Ok(Self(name))
    }
}

impl From<HttpMethod> for String {
    fn from(method: HttpMethod) -> Self {
        method.0
    }
}

/// Name of a header that the host sets, in small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderName(String);

impl HeaderName {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HeaderName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        /// What says how the message travels is the host's own business.
        const OURS: [&str; 7] =
            ["connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"];
        let name = name.to_ascii_lowercase();
        let is_name = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !is_name || OURS.contains(&name.as_str()) {
            return Err(format!("{name:?} is no header that can be set"));
        }
        Ok(Self(name))
    }
}

impl From<HeaderName> for String {
    fn from(name: HeaderName) -> Self {
        name.0
    }
}

/// The value of a header, in which `{NAME}` stands for the secret of that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderTemplate(String);

impl HeaderTemplate {
    /// Its parts: text that stands for itself, and names of secrets.
    pub fn parts(&self) -> impl Iterator<Item = HeaderPart<'_>> {
        self.0.split('{').enumerate().flat_map(|(number, piece)| {
            match piece.split_once('}') {
                Some((name, text)) if number > 0 => {
                    [Some(HeaderPart::Secret(name)), Some(HeaderPart::Text(text))]
                }
                _ => [Some(HeaderPart::Text(piece)), None],
            }
            .into_iter()
            .flatten()
        })
    }

    /// Names of the secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.parts().filter_map(|part| match part {
            HeaderPart::Secret(name) => Some(name),
            HeaderPart::Text(_) => None,
        })
    }
}

/// A part of a header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderPart<'a> {
    /// Text.
    Text(&'a str),
    /// A secret of this name.
    Secret(&'a str),
}

impl TryFrom<String> for HeaderTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err("the value of a header is of printable ASCII characters".into());
        }
        let whole = text.split('{').enumerate().all(|(number, piece)| match number {
            0 => !piece.contains('}'),
            _ => piece.split_once('}').is_some_and(|(name, text)| !name.is_empty() && !text.contains('}')),
        });
        if !whole {
            return Err("a brace in a header's value is one of {NAME}, the name of a secret".into());
        }
        Ok(Self(text))
    }
}

impl From<HeaderTemplate> for String {
    fn from(template: HeaderTemplate) -> Self {
        template.0
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderPart::{Secret, Text};
    use super::*;

    fn grant(json: serde_json::Value) -> Result<HttpGrant, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_grant_reads_unless_it_says_more() {
        let grant = grant(serde_json::json!({"url": "https://api.example.com/v1"})).unwrap();
        let url = |text: &str| Url::parse(text).unwrap();
        assert!(grant.covers("GET", &url("https://api.example.com/v1/orders")));
        assert!(grant.covers("HEAD", &url("https://api.example.com/v1")));
        for method in ["POST", "get", "DELETE", ""] {
            assert!(!grant.covers(method, &url("https://api.example.com/v1")), "{method}");
        }
        assert!(!grant.covers("GET", &url("https://api.example.com/v2")));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let methods = |methods: &[&str]| {
            grant(serde_json::json!({"url": "https://a.example", "methods": methods}))
                .map(|grant| grant.contradiction())
        };
        assert!(methods(&[]).unwrap().unwrap().contains("no methods"));
        for bad in ["get", "", "GET POST"] {
            assert!(methods(&[bad]).unwrap_err().contains("in capitals"), "{bad}");
        }
        for never in ["TRACE", "CONNECT", "connect"] {
            assert!(methods(&[never]).unwrap_err().contains("cannot be granted"), "{never}");
        }
        let http = grant(serde_json::json!({"url": "http://a.example"})).unwrap();
        assert!(http.contradiction().unwrap().contains("allow_private"));
        let http = grant(serde_json::json!({"url": "http://a.example", "allow_private": true})).unwrap();
        assert_eq!(http.contradiction(), None);
        for (name, value) in [
            ("Host", "x"),
            ("content-length", "1"),
            ("a b", "x"),
            ("x", "a\nb"),
            ("x", "{"),
            ("x", "}"),
            ("x", "{}"),
        ] {
            let headers = serde_json::json!({"url": "https://a.example", "headers": {name: value}});
            assert!(grant(headers).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn a_header_has_secrets_by_name() {
        let template = HeaderTemplate::try_from("Basic {user}:{password}!".to_owned()).unwrap();
        let parts: Vec<HeaderPart<'_>> = template.parts().filter(|part| *part != Text("")).collect();
        assert_eq!(parts, [Text("Basic "), Secret("user"), Text(":"), Secret("password"), Text("!")]);
        assert_eq!(template.secrets().collect::<Vec<_>>(), ["user", "password"]);
    }

    #[test]
    fn a_grant_is_shown_as_it_is_written() {
        let grant = grant(serde_json::json!({
            "url": "https://api.example.com/v1", "methods": ["POST"], "allow_private": true,
            "headers": {"Authorization": "Bearer {token}", "X-Key": "hunter2"},
        }))
        .unwrap();
        assert_eq!(
            grant.line(),
            "{ url = \"https://api.example.com/v1\", methods = [\"POST\"], allow_private = true, headers = { authorization \
             = \"Bearer {token}\", x-key = \"…\" } }"
        );
        assert_eq!(grant.to_string(), "POST https://api.example.com/v1");
    }
}
