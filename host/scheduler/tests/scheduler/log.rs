//! Keeps what is logged on the thread of a test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Index;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber, span};

/// A line of the log. A field that it does not have is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) level: String,
    pub(crate) target: String,
    fields: BTreeMap<&'static str, String>,
}

impl Index<&str> for Line {
    type Output = String;

    fn index(&self, field: &str) -> &String {
        const NONE: &String = &String::new();
        self.fields.get(field).unwrap_or(NONE)
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// What was logged since it was started.
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
    _guard: DefaultGuard,
}

impl Log {
    pub(crate) fn start() -> Self {
        let lines = Arc::default();
        let guard = tracing::subscriber::set_default(Keeper(Arc::clone(&lines)));
        Self { lines, _guard: guard }
    }

    /// The lines since the last call.
    pub(crate) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

struct Keeper(Arc<Mutex<Vec<Line>>>);

impl Subscriber for Keeper {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line {
            level: metadata.level().to_string(),
            target: metadata.target().to_owned(),
            ..Line::default()
        };
        event.record(&mut line);
        self.0.lock().unwrap().push(line);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
