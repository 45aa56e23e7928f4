//! What one request says of the client that sent it. Nothing is taken from the connection, except in a legacy session,
//! where `initialize` said it for all requests.

use longshore_domain::Progress;
use rmcp::model::{ProgressToken, ProtocolVersion, RequestId, TASKS_EXTENSION_ID};
use rmcp::service::{Peer, RequestContext, RoleServer};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::convert;

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

/// What a session on the Python SDK calls itself that was given no name. Frameworks do that whose results are for a model
/// alone, which finds the same addresses in the text; and one of them, AutoGen's, takes a result with a link for a failed
/// call.
const UNNAMED: &str = "mcp";

/// The client of one request.
pub(super) struct Caller {
    /// Whether the request is of revision 2026-07-28 or later.
    pub(super) modern: bool,
    /// Whether the request declared the Tasks extension, in the era that has it.
    pub(super) tasks: bool,
    /// Whether the client knows links to resources in tool results.
    pub(super) links: bool,
    /// Its id.
    pub(super) id: RequestId,
    /// Where progress of this request is told, if the client asked for it.
    progress: Option<ProgressToken>,
    /// Cancelled when the client no longer wants an answer.
    pub(super) cancelled: CancellationToken,
    peer: Peer<RoleServer>,
}

impl Caller {
    /// The client of the request with this context.
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Self {
        let version = context.meta.get(VERSION_KEY).and_then(Value::as_str);
        let modern = version.is_some_and(|version| version >= ProtocolVersion::NO_INITIALIZE.as_str());
        let extensions =
            context.meta.get(CAPABILITIES_KEY).and_then(|capabilities| capabilities.get("extensions"));
        let declared = extensions.is_some_and(|extensions| extensions.get(TASKS_EXTENSION_ID).is_some());
        let session_knows_links = || {
            context.peer.peer_info().is_none_or(|info| {
                info.protocol_version.as_str() >= ProtocolVersion::V_2025_06_18.as_str()
                    && info.client_info.name != UNNAMED
            })
        };
        Self {
            modern,
            tasks: modern && declared,
            links: modern || session_knows_links(),
            id: context.id.clone(),
            progress: context.meta.get_progress_token(),
            cancelled: context.ct.clone(),
            peer: context.peer.clone(),
        }
    }

    /// A reporter of progress for this request; none when the client did not ask for progress.
    pub(super) fn reporter(&self) -> Option<Reporter<'_>> {
        self.progress.as_ref().map(|token| Reporter { caller: self, token, last: None })
    }
}

/// Tells a client how far its request is.
pub(super) struct Reporter<'a> {
    caller: &'a Caller,
    token: &'a ProgressToken,
    last: Option<u64>,
}

impl Reporter<'_> {
    /// Tells `progress` if it is more than what was told last: the protocol wants it to grow, and a job that is tried
    /// again begins lower.
    pub(super) async fn report(&mut self, progress: &Progress) {
        let grown = self.last.is_none_or(|last| progress.done > last);
        let empty = progress.done == 0 && progress.total.is_none() && progress.message.is_empty();
        if !grown || empty || self.caller.cancelled.is_cancelled() {
            return;
        }
        self.last = Some(progress.done);
        let told = self.caller.peer.notify_progress(convert::progress(self.token.clone(), progress)).await;
        if let Err(error) = told {
            tracing::debug!(%error, "progress could not be told");
        }
    }
}
