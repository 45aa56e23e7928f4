//! The channel that needs nothing: each message becomes a file in a folder, for another program to pick up.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use longshore_domain::{DeliveryError, MessageSink, OutboxMessage, Timestamp};

use crate::whole::as_json;

/// Writes each message to `<folder>/<message id>.json`.
///
/// The name is the message's id, so delivering it again replaces the file by an equal one: a reader finds each message
/// once. The file appears whole or not at all.
#[derive(Clone, Debug)]
pub struct SpoolSink {
    folder: PathBuf,
}

impl SpoolSink {
    /// A sink that writes into `folder`, which is made when it is needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

#[async_trait]
impl MessageSink for SpoolSink {
    async fn deliver(&self, message: &OutboxMessage, _now: Timestamp) -> Result<(), DeliveryError> {
        let folder = self.folder.clone();
        let name = message.id.to_string();
        let mut text = as_json(message).to_string();
        text.push('\n');
        let written = tokio::task::spawn_blocking(move || write_whole(&folder, &name, text.as_bytes()));
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(DeliveryError::transient(format!(
                "the spool folder {} cannot be written: {error}",
                self.folder.display()
            ))),
            Err(error) => Err(DeliveryError::transient(error.to_string())),
        }
    }
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // A name of its own: two processes may deliver the same message at once when a lease ran out.
    let temporary = folder.join(format!(".{name}.{}.tmp", fastrand::u64(..)));
    let mut file = File::create_new(&temporary)?;
    let moved = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, folder.join(format!("{name}.json"))));
    if moved.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    moved?;
    File::open(folder)?.sync_all()
}
