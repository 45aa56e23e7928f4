//! What is said of a guest, and whether it is well.

use serde_json::{Value, json};

use crate::guests::Guest;
use crate::intruder::Ended;

/// How much longer good tasks may take beside a guest.
const RATIO_MAX: f64 = 1.5;
/// Memory that may stay. Some always does, however well a guest behaves: the allocator keeps what it had to hand, for each of
/// its threads, and parts of the program that were never needed before are read from its file. What is kept for a guest, or
/// lost with each of its visits, is more than this.
const RSS_DELTA_MAX_MIB: f64 = 8.0;
/// How busy a host may be that has nothing to do.
const CPU_AFTER_MAX_PERCENT: f64 = 25.0;
/// A failure is kept, and read by an agent. Its limits are 4,000 characters of a message and some lines around it.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// What was measured.
pub(crate) struct Figures {
    pub(crate) neighbours_ratio: f64,
    pub(crate) alone_ms: f64,
    pub(crate) beside_ms: f64,
    pub(crate) rss_delta_mib: f64,
    pub(crate) rss_peak_mib: f64,
    pub(crate) cpu_after_percent: f64,
    pub(crate) foreign_cpu_percent: f64,
}

/// A guest and what came of it.
pub(crate) struct Row<'a> {
    pub(crate) guest: &'static Guest,
    pub(crate) ends: &'a [Ended],
    pub(crate) strays: &'a [String],
    pub(crate) figures: &'a Figures,
    /// Whether figures fail nothing.
    pub(crate) codes_only: bool,
}

impl Row<'_> {
    /// As one JSON object.
    pub(crate) fn report(&self) -> Value {
        let faults = self.faults();
        // The end that is wrong, if there is one.
        let telling = self.ends.iter().find(|end| self.fault_of(end).is_some()).or(self.ends.first());
        json!({
            "guest": self.guest.name,
            "code": telling.map(|end| &end.code),
            "neighbours_ratio": round(self.figures.neighbours_ratio, 100.0),
            "rss_delta_mib": round(self.figures.rss_delta_mib, 10.0),
            "expected": self.guest.code,
            "ok": faults.is_empty(),
            "runs": self.ends.len(),
            "alone_ms": round(self.figures.alone_ms, 1.0),
            "beside_ms": round(self.figures.beside_ms, 1.0),
            "rss_peak_mib": round(self.figures.rss_peak_mib, 10.0),
            "cpu_after_percent": round(self.figures.cpu_after_percent, 1.0),
            "foreign_cpu_percent": round(self.figures.foreign_cpu_percent, 1.0),
            "faults": faults,
        })
    }

    fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.ends.iter().filter_map(|end| self.fault_of(end)).take(3).collect();
        if self.ends.is_empty() {
            faults.push("it has no end".into());
        }
        faults.extend(self.strays.iter().map(|file| format!("it left the file {file:?}")));
        if self.codes_only {
            return faults;
        }
        let Figures { neighbours_ratio, rss_delta_mib, cpu_after_percent, .. } = self.figures;
        for (what, value, most) in [
            ("the good tasks took longer by the factor", *neighbours_ratio, RATIO_MAX),
            ("memory that stays, in MiB, is", *rss_delta_mib, RSS_DELTA_MAX_MIB),
            ("the host at rest uses of a processor, in percent,", *cpu_after_percent, CPU_AFTER_MAX_PERCENT),
        ] {
            if value > most {
                faults.push(format!("{what} {value:.2}, above {most}"));
            }
        }
        faults
    }

    fn fault_of(&self, end: &Ended) -> Option<String> {
        let Ended { code, message } = end;
        if code != self.guest.code {
            return Some(format!("it ended with `{code}`: {}", beginning(message)));
        }
        if message.len() > MESSAGE_BYTES_MAX {
            return Some(format!("its message has {} bytes: {}", message.len(), beginning(message)));
        }
        let missing = self.guest.names.iter().find(|name| !message.contains(**name))?;
        Some(format!("its message does not say {missing:?}: {}", beginning(message)))
    }
}

/// What is said of a guest beside which the host, or a good task, failed.
pub(crate) fn broken(guest: &Guest, what: &str) -> Value {
    json!({
        "guest": guest.name,
        "code": null,
        "neighbours_ratio": null,
        "rss_delta_mib": null,
        "expected": guest.code,
        "ok": false,
        "faults": [what],
    })
}

fn beginning(message: &str) -> String {
    message.chars().take(300).collect()
}

fn round(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
