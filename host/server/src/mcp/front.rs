//! The handler that rmcp calls: each method leads to the file that serves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longshore_domain::{Owner, beginning_of};
use longshore_scheduler::TaskService;
use rmcp::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CustomRequest, CustomResult,
    DiscoverResult, ErrorCode, ErrorData, GetTaskParams, GetTaskResult, InitializeRequestParams,
    InitializeResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ServerConfig,
    UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::caller::Caller;
use super::job_tool::{self, Submitted};
use super::line::InFlight;
use super::tools::{ShownTools, ToolChanges, ToolList};
use super::{McpOptions, convert, identity, listen, own, page, resources, tasks, tools};

/// What discovery says changes only with the program.
const DISCOVERY_FRESH_MS: u64 = 60 * 60 * 1_000;
/// Plugins come and go. Listeners are notified at once; every other client may use its copy of the list for this long,
/// so that it sees a new plugin within a second or two.
const TOOLS_FRESH_MS: u64 = 1_000;

/// How long a list of tools waits for plugins that are being loaded.
pub(super) const LIST_LOADING_MAX: Duration = Duration::from_secs(1);

/// One connection's handler. What it knows beyond its parts is only whether a legacy session is being told of tools.
pub(super) struct Front {
    /// What is asked.
    pub(super) service: Arc<TaskService>,
    /// Whose jobs these are.
    pub(super) owner: Owner,
    /// How it is set up.
    pub(super) options: McpOptions,
    /// Cancelled when the connection closes: whoever waits for something answers at once.
    pub(super) closing: CancellationToken,
    /// The requests that have no answer yet.
    pub(super) in_flight: Arc<InFlight>,
    tools: ToolList,
    shown: ShownTools,
    tells_of_tools: AtomicBool,
}

impl Front {
    /// A handler for one connection.
    pub(super) fn new(
        service: Arc<TaskService>,
        options: McpOptions,
        closing: CancellationToken,
        in_flight: Arc<InFlight>,
    ) -> Self {
        Self {
            service,
            owner: options.owner.clone(),
            options,
            closing,
            in_flight,
            tools: ToolList::default(),
            shown: ShownTools::default(),
            tells_of_tools: AtomicBool::new(false),
        }
    }
}

impl ServerHandler for Front {
    fn get_info(&self) -> ServerConfig {
        identity::modern(self.options.wait)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let negotiated = self.negotiate_initialize(&request)?.protocol_version;
        let mut peer = request;
        peer.protocol_version = negotiated.clone();
        context.peer.set_peer_info(peer);
        Ok(identity::legacy(negotiated, self.options.wait))
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = ProtocolVersion::KNOWN_VERSIONS.to_vec();
        Ok(DiscoverResult::from_server_info(versions, self.get_info())
            .with_ttl_ms(DISCOVERY_FRESH_MS)
            .with_cache_scope(CacheScope::Public))
    }

    /// Notifies a legacy session when there are other tools than it knows of. Modern clients listen for that.
    ///
    /// A client that starts a server for each call does not ask for the list, and closes the pipe within milliseconds, just when
    /// plugins have been loaded. The Python SDK fails a call over a notification that arrives then, so a session that has not
    /// asked is left alone at first.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.tells_of_tools.swap(true, Ordering::Relaxed) {
            return;
        }
        self.shown.begin(&self.service);
        let quiet_until = Instant::now() + self.options.quiet;
        let mut changes = ToolChanges::of(&self.service);
        loop {
            let changed = tokio::select! {
                changed = changes.next() => changed,
                () = self.closing.cancelled() => false,
            };
            if !changed {
                return;
            }
            if !self.shown.was_asked_for() {
                tokio::select! {
                    () = tokio::time::sleep_until(quiet_until) => {}
                    () = self.closing.cancelled() => return,
                }
            }
            if self.shown.are_outdated(&self.service)
                && context.peer.notify_tool_list_changed().await.is_err()
            {
                return;
            }
        }
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        page::only(request)?;
        // Many clients ask once. What is compiled already is loaded by then; of the rest they are notified when it comes.
        self.service.all_loaded(LIST_LOADING_MAX).await;
        let tools = self.tools.of(&self.shown.show(&self.service), self.service.offers_callbacks());
        let result = ListToolsResult::with_all_items(tools.to_vec());
        Ok(if Caller::of(&context).modern {
            result.with_ttl_ms(TOOLS_FRESH_MS).with_cache_scope(CacheScope::Public)
        } else {
            result
        })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = Caller::of(&context);
        let arguments = request.arguments.unwrap_or_default();
        let name = request.name.as_ref();
        let answer = if own::has(name) {
            match own::call(self, name, arguments, &caller).await {
                Some(answer) => answer,
                None => return Err(tools::unknown(&self.service.catalog(), name)),
            }
        } else {
            let catalog = self.service.catalog();
            if !catalog.will_run(name) {
                return Err(tools::unknown(&catalog, name));
            }
            match job_tool::call(self, name, arguments, &caller).await {
                Ok(Submitted::Handle(status)) => return Ok(convert::task_handle(&status).into()),
                Ok(Submitted::Answer(answer)) => Ok(answer),
                Err(refusal) => Err(refusal),
            }
        };
        let answer = answer.unwrap_or_else(Answer::from);
        Ok(convert::tool_result(answer, caller.links).into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut result = resources::list(self, request.and_then(|page| page.cursor)).await?;
        if !Caller::of(&context).modern {
            (result.ttl_ms, result.cache_scope) = (None, None);
        }
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        page::only(request)?;
        let mut result = resources::templates();
        if !Caller::of(&context).modern {
            (result.ttl_ms, result.cache_scope) = (None, None);
        }
        Ok(result)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let mut result = resources::read(self, &request.uri).await?;
        if !Caller::of(&context).modern {
            (result.ttl_ms, result.cache_scope) = (None, None);
        }
        Ok(result.into())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        tasks::get(self, &request.task_id).await
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        tasks::update(self, &request.task_id).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        tasks::cancel(self, &request.task_id).await
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if request.method == "subscriptions/listen" && Caller::of(&context).modern {
            return listen::listen(self, request.params, &context).await;
        }
        let method = beginning_of(&request.method, 80);
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method {method:?}"), None))
    }
}
