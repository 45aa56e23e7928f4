//! Artifacts as resources: listed, found by template, and read.

use base64::Engine as _;
use longshore_domain::{StoreError, beginning_of};
use longshore_scheduler::{ArtifactFile, ServiceError};
use rmcp::model::{
    CacheScope, ErrorData, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult,
    ResourceContents, ResourceTemplate,
};
use serde_json::json;

use super::front::Front;
use super::{convert, uri};

/// Artifacts on one page.
const PAGE: u32 = 100;
/// Artifacts that are listed in all. Clients that read every page give up after some dozens of them; older artifacts are
/// read by the URI that their job's status has.
const LISTED_MAX: u32 = 1_000;
/// An artifact never changes once it is there.
const ARTIFACT_FRESH_MS: u64 = 60 * 60 * 1_000;
/// The template never changes.
const TEMPLATES_FRESH_MS: u64 = 24 * 60 * 60 * 1_000;

/// Artifacts of completed jobs, those of the newest job first, as far back as the bound.
pub(super) async fn list(front: &Front, cursor: Option<String>) -> Result<ListResourcesResult, ErrorData> {
    let (listed_before, after) = match cursor {
        None => (0, None),
        Some(cursor) => {
            let (count, marker) = read_cursor(&cursor).ok_or_else(invalid_cursor)?;
            (count, Some(marker))
        }
    };
    let limit = PAGE.min(LISTED_MAX.saturating_sub(listed_before).max(1));
    let page = front.service.artifacts(&front.owner, after, limit).await.map_err(|error| match error {
        ServiceError::Store(StoreError::NoSuchPage) => invalid_cursor(),
        error => convert::protocol_error(&error),
    })?;
    let listed = listed_before.saturating_add(page.artifacts.len() as u32);
    let resources = page.artifacts.iter().map(convert::listed_resource).collect();
    let mut result =
        ListResourcesResult::with_all_items(resources).with_ttl_ms(0).with_cache_scope(CacheScope::Private);
    result.next_cursor = page.next.filter(|_| listed < LISTED_MAX).map(|marker| format!("{listed}-{marker}"));
    Ok(result)
}

/// A cursor has how many artifacts were listed so far, and where the next page begins.
fn read_cursor(cursor: &str) -> Option<(u32, String)> {
    let (count, marker) = cursor.split_once('-')?;
    Some((count.parse().ok()?, marker.to_owned()))
}

fn invalid_cursor() -> ErrorData {
    ErrorData::invalid_params("invalid cursor: pass nextCursor from the previous page, or omit it", None)
}

/// The one template there is.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = ResourceTemplate::new(uri::TEMPLATE, "artifact")
        .with_title("Artifact of a job")
        .with_description("A file that a completed job made; its status lists the names under artifacts.");
    ListResourceTemplatesResult::with_all_items(vec![template])
        .with_ttl_ms(TEMPLATES_FRESH_MS)
        .with_cache_scope(CacheScope::Public)
}

/// The content of an artifact.
pub(super) async fn read(front: &Front, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let Some((id, name)) = uri::artifact(uri) else {
        let shown = beginning_of(uri, 200);
        return Err(not_found(
            format!("there is no resource {shown:?}; resources have the form {}", uri::TEMPLATE),
            uri,
        ));
    };
    let file = front.service.artifact(&front.owner, id, &name).await.map_err(|error| match error {
        ServiceError::NotFound { .. } | ServiceError::ArtifactNotFound { .. } => {
            not_found(error.to_string(), uri)
        }
        other => convert::protocol_error(&other),
    })?;
    let max = front.options.resource_bytes_max;
    if file.record.bytes > max {
        return Err(too_large(&file, uri, max));
    }
    let media_type = file.record.media_type.clone();
    let bytes =
        front.service.read_artifact(id, file).await.map_err(|error| convert::protocol_error(&error))?;
    let contents = contents(bytes, uri, &media_type);
    Ok(ReadResourceResult::new(vec![contents])
        .with_ttl_ms(ARTIFACT_FRESH_MS)
        .with_cache_scope(CacheScope::Private))
}

/// Text as text, everything else as base64.
fn contents(bytes: Vec<u8>, uri: &str, media_type: &str) -> ResourceContents {
    let contents = match String::from_utf8(bytes) {
        Ok(text) if is_text(media_type) => ResourceContents::text(text, uri),
        Ok(text) => ResourceContents::blob(base64::engine::general_purpose::STANDARD.encode(text), uri),
        Err(error) => {
            ResourceContents::blob(base64::engine::general_purpose::STANDARD.encode(error.as_bytes()), uri)
        }
    };
    contents.with_mime_type(media_type)
}

fn is_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let named = [
        "application/json",
        "application/x-ndjson",
        "application/jsonl",
        "application/xml",
        "application/toml",
    ];
    essence.starts_with("text/")
        || named.contains(&essence.as_str())
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
}

/// rmcp turns the code into -32602 for the era that has it so.
fn not_found(message: String, uri: &str) -> ErrorData {
    ErrorData::resource_not_found(message, Some(json!({ "uri": uri })))
}

fn too_large(file: &ArtifactFile, uri: &str, max: u64) -> ErrorData {
    let bytes = file.record.bytes;
    let path = &file.path;
    ErrorData::invalid_params(
        format!(
            "the artifact has {bytes} bytes, more than the {max} that are sent in one answer; it is at {}",
            path.display()
        ),
        Some(json!({ "uri": uri, "bytes": bytes, "bytes_max": max, "path": path })),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_sent_as_text_and_the_rest_as_base64() {
        let text = |bytes: &[u8], media_type: &str| {
            matches!(
                contents(bytes.to_vec(), "longshore://x", media_type),
                ResourceContents::TextResourceContents { .. }
            )
        };
        for media_type in
            ["text/csv", "text/plain; charset=utf-8", "application/JSON", "application/problem+json"]
        {
            assert!(text(b"a,b", media_type), "{media_type}");
        }
        assert!(!text(b"PK", "application/zip"));
        assert!(!text(b"\xff\xfe", "text/plain"));
    }
}
