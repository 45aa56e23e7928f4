//! The list of tools, made once for each catalog, and its changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_domain::{Catalog, JobTypeName, Problem, beginning_of};
use longshore_scheduler::TaskService;
use rmcp::model::{ErrorData, Tool};
use tokio::sync::watch;

use super::{convert, own};

/// The list for the catalog that was asked for last.
#[derive(Debug, Default)]
pub(super) struct ToolList {
    latest: Mutex<Option<(u64, Arc<[Tool]>)>>,
}

impl ToolList {
    /// The tools of `catalog`: our own first, then the job types by name. The same catalog gives the same list.
    pub(super) fn of(&self, catalog: &Catalog, callbacks: bool) -> Arc<[Tool]> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, tools)) = &*latest
            && *revision == catalog.revision
        {
            return Arc::clone(tools);
        }
        let tools = list(catalog, callbacks);
        *latest = Some((catalog.revision, Arc::clone(&tools)));
        tools
    }
}

/// What a session has been shown, so that it is notified only of what differs from that.
#[derive(Debug, Default)]
pub(super) struct ShownTools {
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    /// What there was when the session began or asked last.
    catalog: Option<Arc<Catalog>>,
    /// Whether it asked.
    asked: bool,
}

impl ShownTools {
    /// Notes what there is when a session begins.
    pub(super) fn begin(&self, service: &TaskService) {
        self.shown().catalog.get_or_insert_with(|| service.catalog());
    }

    /// Whether the session has asked for the list.
    pub(super) fn was_asked_for(&self) -> bool {
        self.shown().asked
    }

    /// The catalog that is shown now.
    pub(super) fn show(&self, service: &TaskService) -> Arc<Catalog> {
        let mut shown = self.shown();
        // Whatever changes after this is compared with it.
        loop {
            let catalog = service.catalog();
            *shown = Shown { catalog: Some(Arc::clone(&catalog)), asked: true };
            if catalog.revision == service.catalog().revision {
                return catalog;
            }
        }
    }

    /// Whether there are other tools now than the session knows of. Once it was notified of that, it knows them.
    pub(super) fn are_outdated(&self, service: &TaskService) -> bool {
        let mut shown = self.shown();
        let now = service.catalog();
        let outdated = shown.catalog.as_ref().is_some_and(|known| !known.offers_the_same(&now));
        if outdated {
            shown.catalog = Some(now);
        }
        outdated
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(catalog: &Catalog, callbacks: bool) -> Arc<[Tool]> {
    let own_tools = own::ALL.iter().map(|own| convert::own_tool(own, callbacks));
    let jobs = catalog.jobs.iter().filter(|(name, _)| !own::has(name.as_str()));
    own_tools.chain(jobs.map(|(_, job)| convert::job_tool(job))).collect()
}

/// The error for a name that is no tool.
pub(super) fn unknown(catalog: &Catalog, name: &str) -> ErrorData {
    let shown = beginning_of(name, 80);
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

/// Tells when the tools have changed. A change of what keeps a plugin from being offered is none.
pub(super) struct ToolChanges {
    service: Arc<TaskService>,
    catalogs: watch::Receiver<u64>,
    told: Arc<Catalog>,
}

impl ToolChanges {
    /// Changes from now on.
    pub(super) fn of(service: &Arc<TaskService>) -> Self {
        let mut catalogs = service.catalog_changes();
        catalogs.mark_unchanged();
        Self { service: Arc::clone(service), catalogs, told: service.catalog() }
    }

    /// Waits for the next change; several that come together are one. False when there will be none any more.
    pub(super) async fn next(&mut self) -> bool {
        while self.catalogs.changed().await.is_ok() {
            let now = self.service.catalog();
            if !now.offers_the_same(&self.told) {
                self.told = now;
                return true;
            }
        }
        false
    }
}
