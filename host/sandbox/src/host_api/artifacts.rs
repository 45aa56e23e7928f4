//! `artifacts`: files that the job makes.

use wasmtime::component::Resource;

use crate::bindings::longshore::job::artifacts::{Host, HostArtifact};
use crate::bindings::longshore::job::types::HostError;
use crate::guest::Guest;
use crate::host_api::{host_error, keep_no_secret};

const NAME_CHARS_MAX: usize = 128;
/// File systems count bytes: 255 of them, less what publishing may add to a name.
const NAME_BYTES_MAX: usize = 240;
const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// A handle to an artifact that a guest holds.
pub struct OpenArtifact {
    handle: usize,
}

impl Host for Guest {
    async fn open(
        &mut self,
        name: String,
        media_type: String,
    ) -> wasmtime::Result<Result<Resource<OpenArtifact>, HostError>> {
        keep_no_secret(&self.log, name.as_bytes(), "the name of an artifact")?;
        keep_no_secret(&self.log, media_type.as_bytes(), "the media type of an artifact")?;
        let (attempt, table) = self.attempt_and_table()?;
        if let Err(problem) = check(&name, &media_type) {
            return Ok(Err(host_error("invalid_name", problem)));
        }
        let artifacts_max = attempt.limits().artifacts_max;
        if !attempt.artifacts.has(&name) && attempt.artifacts.count() >= artifacts_max as usize {
            let what = "the task has all the artifacts that it may";
            return Err(attempt.limits_of().exceeded(what, artifacts_max.into(), "artifacts_max").into());
        }
        let handle = attempt.artifacts.open(name, media_type).await?;
        Ok(Ok(table.push(OpenArtifact { handle })?))
    }
}

impl HostArtifact for Guest {
    fn position(&mut self, artifact: Resource<OpenArtifact>) -> wasmtime::Result<u64> {
        let (attempt, table) = self.attempt_and_table()?;
        Ok(attempt.artifacts.length(table.get(&artifact)?.handle))
    }

    async fn write(&mut self, artifact: Resource<OpenArtifact>, bytes: Vec<u8>) -> wasmtime::Result<()> {
        let (attempt, table) = self.attempt_and_table()?;
        let handle = table.get(&artifact)?.handle;
        let bytes_max = attempt.limits().artifact_bytes_max;
        if attempt.artifacts.bytes().saturating_add(bytes.len() as u64) > bytes_max {
            let what = "the task wrote all the bytes of artifacts that it may";
            return Err(attempt.limits_of().exceeded(what, bytes_max, "artifact_bytes_max").into());
        }
        attempt.artifacts.write(handle, bytes).await?;
        Ok(())
    }

    async fn clear(&mut self, artifact: Resource<OpenArtifact>) -> wasmtime::Result<Result<(), HostError>> {
        let (attempt, table) = self.attempt_and_table()?;
        let handle = table.get(&artifact)?.handle;
        if attempt.artifacts.has_saved() {
            let why = "this attempt has saved, and what a save recorded must stay: clear files at the start of an attempt";
            return Ok(Err(host_error("saved_already", why)));
        }
        attempt.artifacts.clear(handle).await?;
        Ok(Ok(()))
    }

    fn drop(&mut self, artifact: Resource<OpenArtifact>) -> wasmtime::Result<()> {
        self.attempt_and_table()?.1.delete(artifact)?;
        Ok(())
    }
}

/// Checks that `name` is a plain file name, and `media_type` at least one line.
fn check(name: &str, media_type: &str) -> Result<(), String> {
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX {
        return Err(format!("an artifact's name has 1 to {NAME_CHARS_MAX} characters, not {chars}"));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("{name:?} has {} bytes in UTF-8; a name may have {NAME_BYTES_MAX}", name.len()));
    }
    if name.starts_with('.') {
        return Err(format!("{name:?} begins with a dot, which an artifact's name may not"));
    }
    if name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()) {
        return Err(format!("{name:?} contains a slash or a control character; give a plain file name"));
    }
    if media_type.len() > MEDIA_TYPE_BYTES_MAX || media_type.contains(char::is_control) {
        return Err(format!("the media type of {name:?} is too long or has control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_file_name() {
        for good in ["a", "orders 2026-03.csv", "naïve.csv", &"x".repeat(128), "a..b"] {
            assert_eq!(check(good, "text/csv"), Ok(()), "{good:?}");
        }
        for bad in
            ["", ".", "..", ".hidden", "a/b", "a\\b", "a\nb", "a\0", &"x".repeat(129), &"語".repeat(100)]
        {
            assert!(check(bad, "text/csv").is_err(), "{bad:?} was taken");
        }
        assert!(check("a.csv", "text/csv\r\nX: y").is_err());
    }
}
