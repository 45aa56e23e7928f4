//! The channel that needs nothing: each message becomes a file in a folder, for another program to pick up.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// Whether the folder itself is known to be on disk.
    folder_is_durable: Arc<AtomicBool>,
}

impl SpoolSink {
    /// A sink that writes into `folder`, which is made when it is needed: for this user alone, because messages are for
    /// their receivers. Where a program of another user picks them up, the folder is there before, with the rights it needs.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), folder_is_durable: Arc::default() }
    }
}

#[async_trait]
impl MessageSink for SpoolSink {
    async fn deliver(&self, message: &OutboxMessage, _now: Timestamp) -> Result<(), DeliveryError> {
        let folder = self.folder.clone();
        let name = message.id.to_string();
        let mut text = as_json(message).to_string();
        text.push('\n');
        let is_durable = Arc::clone(&self.folder_is_durable);
        let written = tokio::task::spawn_blocking(move || {
            if !is_durable.load(Ordering::Acquire) {
                make_durable(&folder)?;
                is_durable.store(true, Ordering::Release);
            }
            write_whole(&folder, &name, text.as_bytes())
        });
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

/// Makes the folder and brings it to disk, with the folders above that may be as new: a message that is on record as
/// delivered must not vanish with them.
fn make_durable(folder: &Path) -> io::Result<()> {
    make(folder)?;
    for above in folder.ancestors().skip(1).take(2).filter(|above| !above.as_os_str().is_empty()) {
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

/// Makes the folder, if it is not there.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    make(folder)?;
    // Always the same name, so that who delivers again after a kill takes the place of what was left. Two deliver at once
    // only when the first outlived its lease, and then they write the same bytes.
    let temporary = folder.join(format!(".{name}.tmp"));
    let mut file = File::create(&temporary)?;
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
