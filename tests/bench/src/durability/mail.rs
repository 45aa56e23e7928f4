//! From the kill of a process that is sending a message to the moment at which another one sends it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use longshore_bench::Result;
use longshore_bench::client::Client;
use longshore_bench::counter;
use longshore_bench::program::say;
use longshore_bench::project::Project;
use serde_json::json;

use crate::args::Args;

/// A message that takes longer to come again has waited for its lease.
const LOST: Duration = Duration::from_secs(60);

/// The seconds of `kills` kills. Every other time nobody else is alive, and the next process starts right after the kill.
pub(crate) fn seconds(args: &Args, kills: usize) -> Result<Vec<f64>> {
    (1..=kills)
        .map(|kill| {
            let is_alone = kill % 2 == 0;
            let seconds = one(args, is_alone)?;
            let beside = if is_alone { "nobody" } else { "another process" };
            say(&format!("recovery of a message beside {beside}, kill {kill} of {kills}: {seconds:.2} s"));
            Ok(seconds)
        })
        .collect()
}

fn one(args: &Args, is_alone: bool) -> Result<f64> {
    let receiver = TcpListener::bind("127.0.0.1:0")?;
    let channel = format!(
        "[worker]\nstay_behind = false\n\n[channels.hook]\nkind = \"webhook\"\nurl = \"http://{}/\"\nallow_private = true\nsecret_file = \"secret\"\n",
        receiver.local_addr()?
    );
    let project = Project::with_config(&args.longshore, &args.plugins, &channel)?;
    fs::write(project.folder().join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")?;
    fs::write(project.folder().join("plugins/counter.toml"), "[grants]\noutbox = [\"hook\"]\n")?;
    let arrivals = arrivals_at(receiver);

    let mut victim = started(&project)?;
    victim.call_tool(counter::NAME, &json!({ "steps": 0, "messages": 1, "channel": "hook" }))?;
    let (_, unanswered) = arrivals.recv_timeout(LOST)?;
    let alive = if is_alone { None } else { Some(started(&project)?) };
    let killed = Instant::now();
    victim.kill()?;
    let alive = alive.map_or_else(|| Client::start(&project, true), Ok)?;
    let (arrived, mut again) = arrivals.recv_timeout(LOST)?;
    again.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    drop(unanswered);
    alive.stop()?;
    Ok(arrived.duration_since(killed).as_secs_f64())
}

fn started(project: &Project) -> Result<Client> {
    let mut client = Client::start(project, true)?;
    client.wait_until_loaded(counter::NAME)?;
    Ok(client)
}

/// The requests that come in, each when its head was read, with the connection to answer on.
fn arrivals_at(receiver: TcpListener) -> Receiver<(Instant, TcpStream)> {
    let (sender, arrivals) = channel();
    thread::spawn(move || {
        for stream in receiver.incoming().map_while(std::result::Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || arrival(stream, &sender));
        }
    });
    arrivals
}

fn arrival(stream: TcpStream, sender: &Sender<(Instant, TcpStream)>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    lines.find(|line| line.as_ref().is_ok_and(String::is_empty))?.ok()?;
    sender.send((Instant::now(), stream)).ok()
}
