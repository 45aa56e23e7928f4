//! URLs of the web that an operator names, and what is below them.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// Characters of a host that an error repeats.
const HOST_CHARS_SHOWN: usize = 253;

/// Reads a URL that the host may be made to call. The parser has resolved `..` and every way to write an address or to
/// hide a character by then, so that what is compared is what is called. Errors name the host and nothing behind it,
/// which may be a secret.
pub fn parse_web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
    let shown: String = url.host_str().unwrap_or("the URL").chars().take(HOST_CHARS_SHOWN).collect();
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(format!("{shown}: a URL of the web begins with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{shown}: the URL has a user or a password, which it must not"));
    }
    Ok(url)
}

/// A URL that stands for itself and for all that is below it: `https://a.example/v1` for `/v1` and `/v1/orders`, not for
/// `/v10`. It has no query and no fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UrlPrefix(Url);

impl UrlPrefix {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = parse_web_url(text)?;
        match url.query().or(url.fragment()) {
            Some(_) => Err("it is a prefix, which has no query and no fragment".into()),
            None => Ok(Self(url)),
        }
    }

    /// The URL itself.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether `url` is this, or below it.
    pub fn covers(&self, url: &Url) -> bool {
        let same_origin = self.0.origin() == url.origin();
        let rest = url.path().strip_prefix(self.0.path());
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/') || self.0.path().ends_with('/');
        // Some servers resolve an escaped ".." or "/" only after they looked who is asking.
        let path = url.path().to_ascii_lowercase();
        let escaped = ["%2e", "%2f", "%5c", "%252e", "%252f", "%255c"].iter().any(|part| path.contains(part));
        // Others cut parameters off a segment first, and then it is "..".
        let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
        let escaped = escaped || path.split('/').any(dots);
        same_origin && !escaped && rest.is_some_and(below)
    }
}

impl TryFrom<String> for UrlPrefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<UrlPrefix> for String {
    fn from(prefix: UrlPrefix) -> Self {
        prefix.0.into()
    }
}

impl fmt::Display for UrlPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(prefix: &str, url: &str) -> bool {
        let prefix = UrlPrefix::parse(prefix).unwrap();
        parse_web_url(url).is_ok_and(|url| prefix.covers(&url))
    }

    #[test]
    fn a_prefix_stands_for_what_is_below_it_only() {
        let prefix = "https://api.example.com/v1";
        for good in [
            "https://api.example.com/v1",
            "https://API.example.com:443/v1/orders?city=Delhi",
            "https://api.example.com/x/../v1/orders",
        ] {
            assert!(covers(prefix, good), "{good} was refused");
        }
        for bad in [
            "https://api.example.com/v10",
            "https://api.example.com/v1/../admin",
            "https://api.example.com/v1/%2e%2e/admin",
            "https://api.example.com/v1/..%2Fadmin",
            "https://api.example.com/v1/%252e%252e%252fadmin",
            "https://api.example.com/v1/..;/admin",
            "https://api.example.com/v1/.;x=y/..;a/admin",
            "https://api.example.com/v1/%5C..",
            "https://api.example.com:8443/v1",
            "https://api.example.com.evil.example/v1",
            "https://api.example.com@evil.example/v1",
            "https://user@api.example.com/v1",
            "http://api.example.com/v1",
            "file:///v1",
            "",
        ] {
            assert!(!covers(prefix, bad), "{bad} was let in");
        }
        assert!(covers("https://api.example.com", "https://api.example.com/any/thing"));
        assert!(covers("https://api.example.com/v1/", "https://api.example.com/v1/x"));
        assert!(!covers("https://api.example.com/v1/", "https://api.example.com/v1"));
    }

    #[test]
    fn what_is_no_prefix_is_refused_without_what_may_be_secret() {
        for bad in [
            "api.example.com",
            "ftp://api.example.com",
            "https://api.example.com/?key=s3cret",
            "https://api.example.com/#s3cret",
            "https://s3cret@api.example.com/",
        ] {
            let error = UrlPrefix::parse(bad).unwrap_err();
            assert!(!error.contains("s3cret"), "{bad}: {error}");
        }
    }
}
