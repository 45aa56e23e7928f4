//! Which jobs are submitted: drawn by a seeded generator from all job types, each small enough to end within a second or two.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::delivery::outlets::{self, Outlets};

/// Orders of one city and month that make an invoice run of half a second or so.
const INVOICES_MAX: u32 = 90;

/// One job in so many is called back.
const CALLED_BACK_ONE_IN: u32 = 4;

/// The guests that are used beside the plugins of the product.
pub(crate) const GUESTS: [&str; 2] = ["counter", "steps"];

/// A submission, the same whenever it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) key: String,
    /// The job type.
    pub(crate) kind: String,
    pub(crate) payload: Value,
    pub(crate) priority: i64,
    /// Seconds to wait before it may run.
    pub(crate) delay_seconds: Option<u64>,
    /// Where its end is to be told.
    pub(crate) callback_url: Option<String>,
}

impl Job {
    /// The arguments of `enqueue_job`.
    pub(crate) fn arguments(&self) -> Value {
        let mut arguments = json!({
            "job_type": self.kind,
            "payload": self.payload,
            "idempotency_key": self.key,
            "priority": self.priority,
        });
        if let Some(seconds) = self.delay_seconds {
            arguments["delay_seconds"] = seconds.into();
        }
        if let Some(url) = &self.callback_url {
            arguments["callback_url"] = url.as_str().into();
        }
        arguments
    }
}

/// A job type that is not ours, and with what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    /// The component. Its file's name is that of the job type.
    pub(crate) component: PathBuf,
    pub(crate) name: String,
    pub(crate) payload: Value,
}

/// Draws jobs, one after the other: the same ones from the same seed.
pub(crate) struct Jobs {
    /// Half of the jobs are of this type.
    stranger: Option<Stranger>,
    /// Where messages go beside the spool.
    outlets: Option<Outlets>,
    rng: Rng,
    drawn: u64,
    /// Cities and months with few orders.
    months: Vec<(String, String)>,
}

impl Jobs {
    pub(crate) fn new(
        rng: Rng,
        shop: &Path,
        stranger: Option<&Stranger>,
        outlets: Option<Outlets>,
    ) -> Result<Self> {
        let shop = Connection::open_with_flags(shop, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let months = shop
            .prepare(
                "SELECT city, substr(ordered_at, 1, 7) FROM orders GROUP BY 1, 2
                 HAVING count(*) BETWEEN 5 AND ?1 ORDER BY 1, 2",
            )?
            .query_map([INVOICES_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()
            .context("the sample shop cannot be read")?;
        ensure!(!months.is_empty(), "the sample shop has no city and month with so few orders");
        Ok(Self { stranger: stranger.cloned(), outlets, rng, drawn: 0, months })
    }

    pub(crate) fn draw(&mut self) -> Job {
        self.drawn += 1;
        let (kind, payload) = match &self.stranger {
            Some(stranger) if self.rng.bool() => (stranger.name.clone(), stranger.payload.clone()),
            _ => self.ours(),
        };
        let key = format!("job-{}", self.drawn);
        let outlets = self.outlets.as_ref().filter(|_| self.rng.u32(0..CALLED_BACK_ONE_IN) == 0);
        let callback_url = outlets.map(|outlets| outlets.callback_url(&key));
        Job {
            key,
            kind,
            payload,
            priority: self.rng.i64(-2..=2),
            delay_seconds: (self.rng.u32(0..8) == 0).then_some(1),
            callback_url,
        }
    }

    fn ours(&mut self) -> (String, Value) {
        let (kind, payload) = match self.rng.u32(0..100) {
            0..40 => ("counter", self.counter()),
            40..52 => ("steps", self.steps()),
            52..80 => ("export", self.export()),
            80..90 => ("bulk_invoice", self.invoices()),
            _ => ("notifications", self.notifications()),
        };
        (kind.to_owned(), payload)
    }

    fn counter(&mut self) -> Value {
        let steps = self.rng.u64(1..=12);
        let mut payload = json!({
            "steps": steps,
            "pile_bytes": *self.rng.choice([0, 700, 40_000, 400_000].iter()).unwrap_or(&0),
            "messages": self.rng.u64(0..=2),
            "channel": self.channel(),
            "rest_ms": *self.rng.choice([0, 5, 50, 150].iter()).unwrap_or(&0),
        });
        if self.rng.u32(0..5) == 0 {
            payload["fail_at"] = self.rng.u64(0..steps).into();
        }
        payload
    }

    fn steps(&mut self) -> Value {
        let mut payload = json!({ "steps": self.rng.u64(0..=20), "artifact": "steps.txt" });
        if self.rng.bool() {
            payload["messages"] = self.channel().into();
        }
        payload
    }

    fn export(&mut self) -> Value {
        let mut payload = match self.rng.u32(0..4) {
            0 => json!({ "table": "products" }),
            1 => json!({ "table": "low_stock" }),
            2 => {
                let (from, to) = self.days(20);
                json!({ "table": "order_summary", "date_column": "ordered_on", "from": from, "to": to })
            }
            _ => {
                let (from, to) = self.days(60);
                json!({ "table": "orders", "date_column": "ordered_at", "from": from, "to": to })
            }
        };
        let (format, compression) = match self.rng.u32(0..5) {
            0 => ("csv", "none"),
            1 => ("csv", "gzip"),
            2 => ("jsonl", "gzip"),
            3 => ("json", "none"),
            _ => ("parquet", "gzip"),
        };
        payload["format"] = format.into();
        payload["compression"] = compression.into();
        payload
    }

    /// A range of so many days at most within a month of 2026.
    fn days(&mut self, days_max: u32) -> (String, String) {
        let month = self.rng.u32(1..=6);
        let days = self.rng.u32(1..=days_max);
        let first = self.rng.u32(1..=20);
        let (end_month, end) = ((first + days) / 28, (first + days) % 28 + 1);
        (format!("2026-{month:02}-{first:02}"), format!("2026-{:02}-{end:02}", month + end_month))
    }

    fn invoices(&mut self) -> Value {
        let at = self.rng.usize(0..self.months.len());
        let (city, month) = &self.months[at];
        json!({ "city": city, "month": month })
    }

    fn notifications(&mut self) -> Value {
        let mut payload = json!({ "channel": self.channel() });
        if self.rng.u32(0..3) > 0 {
            payload["supplier_id"] = self.rng.u32(1..=20).into();
        }
        payload
    }

    fn channel(&mut self) -> &'static str {
        let channels = outlets::channels(self.outlets.as_ref());
        channels[self.rng.usize(0..channels.len())]
    }
}
