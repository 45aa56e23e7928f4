//! `longshore outbox list`

use anyhow::Result;
use longshore_domain::MessageFilter;
use longshore_scheduler::TaskService;
use serde_json::json;

use crate::cli::output::{print, print_json, say};
use crate::cli::table::Table;
use crate::cli::text;
use crate::view::MessageView;

const AFTER_HELP: &str = "\
Examples:
  longshore outbox list
  longshore outbox list --dead
  longshore outbox list --dead --json | jq -r '.messages[].last_error'

NEXT TRY is the earliest time of the next try of a pending message; of one that is being tried, the time from which it is taken
for lost. A dead message is one whose tries are used up, or that its receiver refused for good. `longshore outbox retry` sends it
again.";

/// List messages, newest first
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    /// Only those that were given up
    #[arg(long)]
    dead: bool,

    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,

    /// Go on where an earlier list ended
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,

    /// Print an object with `messages` and `next`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let filter = MessageFilter { dead: args.dead, limit: args.limit, after: args.after };
    let page = service.list_messages(filter).await?;
    let messages: Vec<MessageView> = page.messages.iter().map(MessageView::from).collect();
    if args.json {
        return print_json(&json!({"messages": messages, "next": page.next}));
    }
    if messages.is_empty() {
        say("There are no such messages.");
        return Ok(());
    }
    print(&table(&messages).render())?;
    if let Some(next) = page.next {
        say(&format!("There are more: add --after {next}"));
    }
    Ok(())
}

fn table(messages: &[MessageView]) -> Table {
    let mut table = Table::new(&["MESSAGE", "CHANNEL", "TO", "STATE", "TRIES", "CREATED", "NEXT TRY", ""]);
    for message in messages {
        table.row(&[
            message.message_id.clone(),
            message.channel.clone(),
            message.recipient.clone(),
            message.state.as_str().to_owned(),
            message.tries.to_string(),
            text::time(&message.created_at),
            message.next_try_at.as_deref().map(text::time).unwrap_or_default(),
            message.last_error.clone().unwrap_or_default(),
        ]);
    }
    table
}
