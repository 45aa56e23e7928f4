//! Which URL a message goes to.

use longshore_domain::DeliveryError;
use url::Url;

use super::WebhookTarget;
use crate::SinkError;

/// Where messages go, checked.
#[derive(Debug)]
pub(super) enum Target {
    Fixed(Url),
    Allowed(Vec<Url>),
}

impl Target {
    pub(super) fn new(target: &WebhookTarget, allow_private: bool) -> Result<Self, SinkError> {
        let read = |text: &String| read(text, allow_private).map_err(SinkError);
        match target {
            WebhookTarget::Fixed(url) => read(url).map(Self::Fixed),
            WebhookTarget::Allowed(prefixes) if prefixes.is_empty() => {
                Err(SinkError("allow_recipients is empty: nobody could be written to".into()))
            }
            WebhookTarget::Allowed(prefixes) => {
                let prefixes = prefixes.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                match prefixes.iter().find(|prefix| prefix.query().is_some()) {
                    Some(_) => Err(SinkError("allow_recipients are prefixes; they have no query".into())),
                    None => Ok(Self::Allowed(prefixes)),
                }
            }
        }
    }

    /// The URL for a message to that recipient.
    pub(super) fn url(&self, recipient: &str) -> Result<Url, DeliveryError> {
        match self {
            Self::Fixed(url) => Ok(url.clone()),
            Self::Allowed(prefixes) => {
                // Whether it may be private does not matter here: it is allowed only below what is.
                let url = read(recipient, true).map_err(DeliveryError::permanent)?;
                if prefixes.iter().any(|prefix| is_below(prefix, &url)) {
                    Ok(url)
                } else {
                    Err(DeliveryError::permanent(format!(
                        "the recipient {} is below none of the channel's allow_recipients",
                        url.origin().ascii_serialization()
                    )))
                }
            }
        }
    }
}

/// Reads a URL that messages can be posted to. The parser has resolved `..` and every way to write an address or to hide
/// a character by then, so that what is compared is what is called.
fn read(text: &str, allow_private: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    // The rest of the URL is not repeated: it may be a secret.
    let shown = url.host_str().unwrap_or("the URL").to_owned();
    if url.scheme() == "http" && !allow_private {
        return Err(format!("{shown}: http sends messages for everybody to read; use https"));
    }
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(format!("{shown}: a webhook has a URL that begins with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{shown}: the URL of a webhook has no user and no password"));
    }
    Ok(url)
}

/// Whether `url` is `prefix`, or what is below it: `/a` lets in `/a` and `/a/b`, not `/ab`.
fn is_below(prefix: &Url, url: &Url) -> bool {
    let same_origin = prefix.origin() == url.origin();
    let rest = url.path().strip_prefix(prefix.path());
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/') || prefix.path().ends_with('/');
    // Some servers resolve an escaped ".." or "/" only after they looked who is asking.
    let escaped = ["%2e", "%2f", "%5c"].iter().any(|part| url.path().to_ascii_lowercase().contains(part));
    same_origin && !escaped && rest.is_some_and(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(prefixes: &[&str], recipient: &str) -> bool {
        let prefixes = prefixes.iter().map(ToString::to_string).collect();
        Target::new(&WebhookTarget::Allowed(prefixes), false).unwrap().url(recipient).is_ok()
    }

    #[test]
    fn a_recipient_chooses_below_the_prefixes_only() {
        let prefixes = ["https://hooks.example.com/in", "https://other.example/"];
        for good in [
            "https://hooks.example.com/in",
            "https://HOOKS.example.com:443/in/a?b=c",
            "https://hooks.example.com/x/../in/a",
            "https://other.example/any/thing",
        ] {
            assert!(allowed(&prefixes, good), "{good} was refused");
        }
        for bad in [
            "https://hooks.example.com/inner",
            "https://hooks.example.com/in/../admin",
            "https://hooks.example.com/in/%2e%2e/admin",
            "https://hooks.example.com/in/..%2Fadmin",
            "https://hooks.example.com:8443/in",
            "https://hooks.example.com.evil.example/in",
            "https://hooks.example.com@evil.example/in",
            "https://user@hooks.example.com/in",
            "http://hooks.example.com/in",
            "http://127.0.0.1/in",
            "orders@supplier.example",
            "",
        ] {
            assert!(!allowed(&prefixes, bad), "{bad} was let in");
        }
    }

    #[test]
    fn a_fixed_url_takes_any_recipient() {
        let target = WebhookTarget::Fixed("https://hooks.example.com/in?token=1".into());
        let target = Target::new(&target, false).unwrap();
        assert_eq!(target.url("https://evil.example/").unwrap().host_str(), Some("hooks.example.com"));
    }

    #[test]
    fn what_the_operator_wrote_is_checked() {
        let refusal = |url: &str, allow_private| {
            Target::new(&WebhookTarget::Fixed(url.into()), allow_private).map_err(|error| error.to_string())
        };
        assert!(refusal("http://hooks.example.com/secret", false).unwrap_err().contains("use https"));
        assert!(!refusal("http://hooks.example.com/secret", false).unwrap_err().contains("/secret"));
        assert!(refusal("http://127.0.0.1:9000/", true).is_ok());
        assert!(refusal("ftp://hooks.example.com/", true).is_err());
        assert!(refusal("https://u:p@hooks.example.com/", true).is_err());
        assert!(Target::new(&WebhookTarget::Allowed(Vec::new()), false).is_err());
    }
}
