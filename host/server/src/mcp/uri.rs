//! URIs of artifacts: `longshore://jobs/<id>/artifacts/<name>`.

use std::fmt::Write as _;

use longshore_domain::TaskId;

/// The form of the URIs, as an RFC 6570 template.
pub(super) const TEMPLATE: &str = "longshore://jobs/{job_id}/artifacts/{name}";

/// The URI of an artifact.
pub(super) fn of_artifact(id: TaskId, name: &str) -> String {
    let mut uri = format!("longshore://jobs/{id}/artifacts/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// The artifact that a URI names; none if it names none.
pub(super) fn artifact(uri: &str) -> Option<(TaskId, String)> {
    let (id, name) = uri.strip_prefix("longshore://jobs/")?.split_once("/artifacts/")?;
    let name = decode(name)?;
    let plain = !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "." && name != "..";
    Some((id.parse().ok()?, name)).filter(|_| plain)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_whatever_is_in_it() {
        let id = TaskId::random();
        for name in ["a.csv", "Rechnung März.pdf", "100%.txt", "a?b#c d", "日本.zip"] {
            let uri = of_artifact(id, name);
            assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()), "{uri}");
            assert_eq!(artifact(&uri), Some((id, name.to_owned())));
        }
    }

    #[test]
    fn what_names_no_artifact_is_none() {
        let id = TaskId::random();
        for uri in [
            "file:///etc/passwd".to_owned(),
            format!("longshore://jobs/{id}"),
            format!("longshore://jobs/{id}/artifacts/"),
            format!("longshore://jobs/{id}/artifacts/.."),
            format!("longshore://jobs/{id}/artifacts/a%2Fb"),
            format!("longshore://jobs/{id}/artifacts/a%2"),
            format!("longshore://jobs/{id}/artifacts/%FF"),
            "longshore://jobs/42/artifacts/a".to_owned(),
        ] {
            assert_eq!(artifact(&uri), None, "{uri}");
        }
    }
}
