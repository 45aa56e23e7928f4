//! What is outside the store: where messages are delivered to, and where artifacts go.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use longshore_domain::{
    ArtifactFiles, AttemptFiles, AttemptRef, DeliveryError, Look, MessageSink, OutboxMessage, SavedArtifact,
    TaskId, Timestamp, Unpublished,
};

use crate::book::SharedBook;
use crate::gates::{Fault, Gates, Go};

/// Takes messages, or refuses them when the simulation says so.
pub(crate) struct RecordingSink {
    pub(crate) gates: Arc<Gates>,
    pub(crate) book: SharedBook,
}

#[async_trait]
impl MessageSink for RecordingSink {
    async fn deliver(&self, message: &OutboxMessage, _now: Timestamp) -> Result<(), DeliveryError> {
        self.gates.delivery_began();
        let what = format!("deliver {} of {}", message.message.key, self.book.name(message.task));
        match self.gates.pass(what, Fault::Possible).await {
            Go::Fail => Err(DeliveryError::transient("the server said no")),
            Go::On(_) => {
                let body = message.message.body.clone();
                self.book.with(|book| {
                    let first = book.delivered.entry(message.id).or_insert_with(|| body.clone()).clone();
                    if first != body {
                        book.wrong.push(format!("one id was delivered as {first:?} and as {body:?}"));
                    }
                });
                Ok(())
            }
        }
    }
}

/// No files: only whose artifacts are moved last matters here.
pub(crate) struct NoFiles {
    pub(crate) book: SharedBook,
}

impl ArtifactFiles for NoFiles {
    fn open_attempt(
        &self,
        _attempt: AttemptRef,
        _resume: Option<(u32, &[SavedArtifact])>,
    ) -> io::Result<Box<dyn AttemptFiles>> {
        Err(io::Error::other("jobs of the simulation write no files"))
    }

    fn abandon(&self, _: AttemptRef, _: &[SavedArtifact]) -> io::Result<()> {
        Ok(())
    }

    fn publish(&self, unpublished: &Unpublished) -> io::Result<()> {
        self.book.with(|book| book.published.insert(unpublished.task, unpublished.attempt));
        Ok(())
    }

    fn discard(&self, _task: TaskId) -> io::Result<()> {
        Ok(())
    }

    fn check(&self, _: TaskId, _: &SavedArtifact, _: Look) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, _: TaskId, _: &SavedArtifact) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn path(&self, task: TaskId, name: &str) -> PathBuf {
        format!("{task}-{name}").into()
    }
}
