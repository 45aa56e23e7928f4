//! Which URL a message goes to.

use longshore_domain::{DeliveryError, UrlPrefix, parse_web_url};
use url::Url;

use super::WebhookTarget;
use crate::SinkError;

/// Where messages go, checked.
#[derive(Debug)]
pub(super) enum Target {
    Fixed(Url),
    Allowed(Vec<UrlPrefix>),
}

impl Target {
    pub(super) fn new(target: &WebhookTarget, allow_private: bool) -> Result<Self, SinkError> {
        match target {
            WebhookTarget::Fixed(url) => read(url, allow_private).map(Self::Fixed),
            WebhookTarget::Allowed(prefixes) if prefixes.is_empty() => {
                Err("allow_recipients is empty: nobody could be written to".into())
            }
            WebhookTarget::Allowed(prefixes) => {
                let prefix = |text: &String| {
                    read(text, allow_private)?;
                    UrlPrefix::parse(text).map_err(|error| format!("allow_recipients: {error}"))
                };
                prefixes.iter().map(prefix).collect::<Result<_, _>>().map(Self::Allowed)
            }
        }
        .map_err(SinkError)
    }

    /// The URL for a message to that recipient.
    pub(super) fn url(&self, recipient: &str) -> Result<Url, DeliveryError> {
        match self {
            Self::Fixed(url) => Ok(url.clone()),
            Self::Allowed(prefixes) => {
                // Whether it may be private does not matter here: it is allowed only below what is.
                let url = read(recipient, true).map_err(DeliveryError::permanent)?;
                if prefixes.iter().any(|prefix| prefix.covers(&url)) {
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

/// Reads a URL that messages can be posted to.
fn read(text: &str, allow_private: bool) -> Result<Url, String> {
    let url = parse_web_url(text)?;
    if url.scheme() == "http" && !allow_private {
        let host = url.host_str().unwrap_or_default();
        return Err(format!("{host}: http sends messages for everybody to read; use https"));
    }
    Ok(url)
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
