//! The list of tools, made once for each catalog.

use std::sync::{Arc, Mutex, PoisonError};

use longshore_domain::{Catalog, JobTypeName, Problem};
use rmcp::model::{ErrorData, Tool};

use super::{convert, own};

/// The list for the catalog that was asked for last.
#[derive(Debug, Default)]
pub(super) struct ToolList {
    latest: Mutex<Option<(u64, Arc<[Tool]>)>>,
}

impl ToolList {
    /// The tools of `catalog`: our own first, then the job types by name. The same catalog gives the same list.
    pub(super) fn of(&self, catalog: &Catalog) -> Arc<[Tool]> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, tools)) = &*latest
            && *revision == catalog.revision
        {
            return Arc::clone(tools);
        }
        let tools = list(catalog);
        *latest = Some((catalog.revision, Arc::clone(&tools)));
        tools
    }
}

fn list(catalog: &Catalog) -> Arc<[Tool]> {
    let own_tools = own::ALL.iter().map(|own| convert::own_tool(own));
    // A plugin named like one of our tools is still reachable through enqueue_job.
    let jobs = catalog.jobs.iter().filter(|(name, _)| !own::has(name.as_str()));
    own_tools.chain(jobs.map(|(_, job)| convert::job_tool(job))).collect()
}

/// The error for a name that is no tool.
pub(super) fn unknown(catalog: &Catalog, name: &str) -> ErrorData {
    let shown: String = name.chars().take(80).collect();
    let message = if let Some(problem) = catalog.problems.get(name) {
        let Problem { code, message, .. } = problem;
        format!("Unknown tool: {shown}. A plugin of that name is not offered ({code}): {message}")
    } else {
        let own_tools = own::ALL.iter().map(|own| own.name);
        let names: Vec<&str> = own_tools.chain(catalog.jobs.keys().map(JobTypeName::as_str)).collect();
        format!("Unknown tool: {shown}. The tools are {}; tools/list describes them", names.join(", "))
    };
    ErrorData::invalid_params(message, None)
}
