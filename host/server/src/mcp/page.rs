//! Lists that have one page only.

use rmcp::model::{ErrorData, PaginatedRequestParams};

/// Refuses a cursor where the first page is always the only one.
pub(super) fn only(request: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|page| page.cursor) {
        Some(_) => Err(ErrorData::invalid_params("there is no further page, so there is no cursor", None)),
        None => Ok(()),
    }
}
