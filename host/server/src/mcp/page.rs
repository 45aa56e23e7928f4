//! Pages, and cursors that are none.

use longshore_domain::{Page, StoreError, TaskFilter};
use longshore_scheduler::ServiceError;
use rmcp::model::{ErrorData, PaginatedRequestParams};

use super::front::Front;

/// Why there is no page.
pub(super) enum NoPage {
    /// The cursor does not come from a page before.
    Cursor,
    /// Another reason.
    Service(ServiceError),
}

/// A page of jobs.
pub(super) async fn of(front: &Front, filter: TaskFilter) -> Result<Page, NoPage> {
    let had_cursor = filter.after.is_some();
    let beginning = TaskFilter { after: None, limit: 1, ..filter.clone() };
    match front.service.list(filter).await {
        Ok(page) => Ok(page),
        // A store cannot tell a made-up cursor from damage. What cannot be listed with it but without it tells the two apart.
        Err(ServiceError::Store(StoreError::Broken(_)))
            if had_cursor && front.service.list(beginning).await.is_ok() =>
        {
            Err(NoPage::Cursor)
        }
        Err(error) => Err(NoPage::Service(error)),
    }
}

/// Refuses a cursor where the first page is always the only one.
pub(super) fn only(request: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|page| page.cursor) {
        Some(_) => Err(ErrorData::invalid_params("there is no further page, so there is no cursor", None)),
        None => Ok(()),
    }
}
