//! Counts the kills of a campaign, each by what it was at.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::slot::End;

/// Kills that were done.
#[derive(Default)]
pub(crate) struct Kills {
    instants: u64,
    /// By kind of call.
    calls: BTreeMap<String, u64>,
    /// By moment of the delivery.
    deliveries: BTreeMap<String, u64>,
}

impl Kills {
    /// Counts the end of a process, if it was killed.
    pub(crate) fn add(&mut self, end: &End) {
        match end {
            End::AtAnInstant => self.instants += 1,
            End::AtACall(point) => {
                let kind = point.split(':').next().unwrap_or_default().to_owned();
                *self.calls.entry(kind).or_default() += 1;
            }
            End::AtADelivery(moment) => *self.deliveries.entry(moment.name().to_owned()).or_default() += 1,
            End::ByItself(_) => {}
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.instants + sum(&self.calls) + sum(&self.deliveries)
    }

    pub(crate) fn report(&self, report: &mut Map<String, Value>) {
        report.insert("kills".into(), self.total().into());
        for (what, counts) in [("calls", &self.calls), ("deliveries", &self.deliveries)] {
            report.insert(format!("kills_at_{what}"), sum(counts).into());
            for (name, count) in counts {
                report.insert(format!("kills_at_{name}"), (*count).into());
            }
        }
    }
}

fn sum(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}
