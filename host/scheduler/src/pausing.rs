//! What a front asks of job types as a whole: pause one, resume it, and see which are paused.

use longshore_domain::{JobTypeName, PausedTypes};

use crate::{ServiceError, TaskService};

impl TaskService {
    /// Starts no more jobs of a type, in any process, until it is resumed. New ones are taken, and what runs goes on. False
    /// if it was paused before. A type that nobody has ever heard of is refused: it would be a slip of the pen.
    pub async fn pause(&self, job_type: &JobTypeName) -> Result<bool, ServiceError> {
        let (catalog, name) = (self.catalog(), job_type.as_str());
        let is_known = catalog.job(name).is_some()
            || catalog.problems.contains_key(name)
            || self.live_counts().await?.contains_key(job_type);
        if !is_known {
            return Err(ServiceError::UnknownJobType {
                name: name.into(),
                available: catalog.jobs.keys().map(ToString::to_string).collect(),
                problem: None,
            });
        }
        Ok(self.parts.store.pause(job_type, self.parts.clock.now()).await?)
    }

    /// Starts jobs of a type again. False if it was not paused.
    pub async fn resume(&self, job_type: &JobTypeName) -> Result<bool, ServiceError> {
        let resumed = self.parts.store.resume(job_type).await?;
        self.parts.hub.work_added();
        self.parts.hub.all_changed();
        Ok(resumed)
    }

    /// The paused job types, and since when each is.
    pub async fn paused(&self) -> Result<PausedTypes, ServiceError> {
        Ok(self.parts.store.paused().await?)
    }
}
