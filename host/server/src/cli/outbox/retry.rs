//! `longshore outbox retry`

use anyhow::{Result, bail};
use longshore_domain::ResendAnswer;
use longshore_scheduler::TaskService;
use serde_json::json;
use uuid::Uuid;

use crate::cli::id::{self, IdArg};
use crate::cli::output::{print, print_json};
use crate::cli::text;

const AFTER_HELP: &str = "\
Examples:
  longshore outbox retry 9b2f6c0e-5a51-5c0b-9d7e-0f2f0b8f3a11
  longshore outbox retry last
  longshore outbox retry --all

A message that is sent again has the same id, by which its receiver can tell that it had it, and its tries count anew.";

/// Send dead messages again
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    /// Id of the message, its first digits (at least 4), or `last` for the newest dead message
    #[arg(value_name = "MESSAGE_ID", required_unless_present = "all", conflicts_with = "all")]
    id: Option<IdArg>,

    /// Every dead message
    #[arg(long)]
    all: bool,

    /// Print an object with `resent`, the number of messages
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let resent = match args.id {
        Some(id) => one(service, id::dead_message(service, &id).await?).await?,
        None => service.resend_dead().await?,
    };
    if args.json {
        return print_json(&json!({"resent": resent}));
    }
    let messages = if resent == 1 { "message is" } else { "messages are" };
    print(&format!(
        "{} {messages} due again; `longshore worker` or any client's server sends them.",
        text::count(resent)
    ))
}

async fn one(service: &TaskService, id: Uuid) -> Result<u64> {
    match service.resend_message(id).await? {
        ResendAnswer::Queued => Ok(1),
        ResendAnswer::NotDead(state) => {
            bail!("message {id} is {}; only dead messages can be sent again", state.as_str())
        }
        ResendAnswer::NotFound => {
            bail!("there is no message {id}; `longshore outbox list` shows what there is")
        }
    }
}
