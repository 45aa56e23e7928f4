//! The loop that looks at the plugin folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::registry::PluginRegistry;
use crate::registry::compile::LoadSignals;
use crate::registry::folder::{self, SETTLE, Settling, Stamp};
use crate::registry::refusal::Refusal;
use crate::registry::shelf::Read;

/// Time between two looks when nothing is heard of the folder. Watching can fail: network file systems do not tell,
/// and a folder may be replaced.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a load takes before it is told of. Most are done sooner, and then only the plugin itself is news.
const ANNOUNCE_AFTER: Duration = Duration::from_secs(1);

/// After how long a plugin is loaded again that this machine did not let be loaded, at first and at most.
const RETRY_AFTER: Duration = Duration::from_secs(10);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// What the loop keeps.
struct Watch {
    dir: PathBuf,
    settling: Settling,
    loads: JoinSet<(u64, String, Read)>,
    /// The load under way for each plugin. One that is superseded is ended, its compiler with it.
    under_way: BTreeMap<String, UnderWay>,
    next_load: u64,
    /// When a plugin is loaded again that this machine did not let be loaded, and after how long that is.
    retries: BTreeMap<String, (Instant, Duration)>,
    events_to: mpsc::Sender<()>,
    watcher: Option<RecommendedWatcher>,
    unreadable: bool,
}

/// A load that has not ended.
struct UnderWay {
    number: u64,
    handle: AbortHandle,
    signals: LoadSignals,
    since: Instant,
    announced: bool,
}

/// Loads what is there, then looks on until the registry is dropped.
pub(super) async fn start(registry: &Arc<PluginRegistry>) {
    let (events_to, events) = mpsc::channel(1);
    let mut watch = Watch {
        dir: registry.loader.options.dir.clone(),
        settling: Settling::default(),
        loads: JoinSet::new(),
        under_way: BTreeMap::new(),
        next_load: 0,
        retries: BTreeMap::new(),
        events_to,
        watcher: None,
        unreadable: false,
    };
    // Before the first look, so that nothing falls between the two.
    watch.listen();
    let seen = watch.look().await.unwrap_or_default();
    let mut found = watch.settling.take_all(&seen);
    // Small ones are done soon, and none of them is to wait until large ones have been read.
    found.sort_by_key(|(_, stamp)| stamp.map(|stamp| stamp.bytes()));
    for (stem, stamp) in found {
        if let Some(stamp) = stamp {
            watch.load(registry, stem, stamp, Instant::now());
        }
    }
    let loaded = watch.first_loads(registry.loader.options.patience).await;
    registry.begin(loaded, watch.under_way.keys().cloned());
    tokio::spawn(drive(Arc::downgrade(registry), watch, events));
}

async fn drive(registry: Weak<PluginRegistry>, mut watch: Watch, mut events: mpsc::Receiver<()>) {
    loop {
        // A little later than a change could have settled at the earliest.
        let pause = if watch.settling.is_settled() { LOOK_EVERY } else { SETTLE + Duration::from_millis(5) };
        tokio::select! {
            Some(loaded) = watch.loads.join_next(), if !watch.loads.is_empty() => {
                let Some(registry) = registry.upgrade() else { return };
                // A load that was ended has no answer, and none is wanted.
                if let Ok((load, stem, read)) = loaded
                    && watch.under_way.get(&stem).is_some_and(|latest| latest.number == load)
                {
                    watch.under_way.remove(&stem);
                    watch.note_how_it_went(&stem, &read, Instant::now());
                    registry.put(&stem, read);
                }
                continue;
            }
            _ = events.recv(), if watch.settling.is_settled() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let Some(registry) = registry.upgrade() else { return };
        watch.tick(&registry, Instant::now()).await;
    }
}

impl Watch {
    /// Looks at the folder once, and begins to load what has changed and settled.
    async fn tick(&mut self, registry: &PluginRegistry, now: Instant) {
        self.listen();
        let Some(seen) = self.look().await else { return };
        for (stem, stamp) in self.settling.observe(&seen, now) {
            self.retries.remove(&stem);
            if let Some(load) = self.under_way.remove(&stem) {
                load.signals.withdraw();
                load.handle.abort();
            }
            match stamp {
                Some(stamp) => self.load(registry, stem, stamp, now),
                None => registry.remove(&stem),
            }
        }
        self.retry(registry, now);
        for (stem, load) in &mut self.under_way {
            if !load.announced
                && load.signals.is_compiling()
                && now.saturating_duration_since(load.since) >= ANNOUNCE_AFTER
            {
                load.announced = true;
                registry.announce(stem);
            }
        }
    }

    /// Loads again what may be better now.
    fn retry(&mut self, registry: &PluginRegistry, now: Instant) {
        let due = self.retries.iter().filter(|(_, (at, _))| *at <= now);
        for stem in due.map(|(stem, _)| stem.clone()).collect::<Vec<_>>() {
            match self.settling.taken(&stem) {
                Some(stamp) if !self.under_way.contains_key(&stem) => self.load(registry, stem, stamp, now),
                Some(_) => {}
                None => _ = self.retries.remove(&stem),
            }
        }
    }

    fn note_how_it_went(&mut self, stem: &str, read: &Read, now: Instant) {
        let of_machine =
            |component: &Result<_, Refusal>| component.as_ref().is_err_and(|refusal| refusal.is_of_machine);
        if !read.component.as_ref().is_some_and(of_machine) {
            self.retries.remove(stem);
            return;
        }
        let pause =
            self.retries.get(stem).map_or(RETRY_AFTER, |(_, before)| (*before * 2).min(RETRY_AFTER_MAX));
        self.retries.insert(stem.to_owned(), (now + pause, pause));
    }

    fn load(&mut self, registry: &PluginRegistry, stem: String, stamp: Stamp, since: Instant) {
        self.next_load += 1;
        let load = self.next_load;
        let (loader, signals) = (Arc::clone(&registry.loader), LoadSignals::default());
        let loading = loader.load(stem.clone(), stamp, registry.known(&stem), signals.clone());
        let handle = self.loads.spawn(async move {
            let (stem, read) = loading.await;
            (load, stem, read)
        });
        self.under_way.insert(stem, UnderWay { number: load, handle, signals, since, announced: false });
    }

    /// What is loaded before `patience` ends. The rest goes on.
    async fn first_loads(&mut self, patience: Duration) -> Vec<(String, Read)> {
        let mut loaded = Vec::new();
        let mut patience = pin!(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                biased;
                Some(load) = self.loads.join_next(), if !self.loads.is_empty() => {
                    if let Ok((_, stem, read)) = load {
                        self.under_way.remove(&stem);
                        self.note_how_it_went(&stem, &read, Instant::now());
                        loaded.push((stem, read));
                    }
                }
                () = &mut patience, if !self.loads.is_empty() => return loaded,
                else => return loaded,
            }
        }
    }

    /// What is in the folder; none if that cannot be told, which is no reason to withdraw anything.
    async fn look(&mut self) -> Option<BTreeMap<String, Stamp>> {
        let dir = self.dir.clone();
        let seen = tokio::task::spawn_blocking(move || folder::look(&dir)).await.ok()?;
        match seen {
            Ok(seen) => {
                self.unreadable = false;
                Some(seen)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    tracing::warn!("the plugin folder {} cannot be read: {error}", self.dir.display());
                }
                self.watcher = None;
                None
            }
        }
    }

    /// Begins to listen for changes, if that is not done yet and can be done.
    fn listen(&mut self) {
        if self.watcher.is_none() {
            self.watcher = listen(&self.dir, self.events_to.clone())
                .inspect_err(|error| tracing::debug!("{} is not watched: {error}", self.dir.display()))
                .ok();
        }
    }
}

fn listen(dir: &Path, events: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the folder makes events too, and they must not lead to the next reading.
        if event.is_ok_and(|event| event.kind.is_access()) {
            return;
        }
        // One event that waits says all: the folder is to be looked at.
        let _ = events.try_send(());
    })?;
    watcher.watch(dir, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
