//! What receivers have taken: every message by its id, and how often it came.

use std::collections::BTreeMap;

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mail,
    Webhook,
}

/// One message as it came. Of a webhook the headers that name the try are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) kind: Kind,
    /// By which a receiver tells a repetition.
    pub(crate) id: String,
    /// What is around the content: addresses of a mail, path and headers of a webhook.
    pub(crate) envelope: BTreeMap<String, String>,
    pub(crate) content: Vec<u8>,
}

/// A message, and how often it came.
#[derive(Debug)]
pub(crate) struct Copies {
    pub(crate) first: Delivery,
    pub(crate) count: u64,
}

/// All that was taken.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) by_id: BTreeMap<String, Copies>,
    /// What was wrong with deliveries themselves, in words.
    pub(crate) problems: Vec<String>,
}

impl Received {
    /// Takes a delivery. All copies of one have to be the same.
    pub(crate) fn take(&mut self, delivery: Delivery) {
        let Some(known) = self.by_id.get_mut(&delivery.id) else {
            self.by_id.insert(delivery.id.clone(), Copies { first: delivery, count: 1 });
            return;
        };
        known.count += 1;
        if known.first != delivery {
            let what = format!("the message {} came as {} and as {delivery}", delivery.id, known.first);
            self.problems.push(what);
        }
    }
}

impl std::fmt::Display for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let content = String::from_utf8_lossy(&self.content);
        write!(f, "{:?} {:?} {content:?}", self.kind, self.envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_and_one_that_differs_is_told() {
        let mut received = Received::default();
        let mail = |content: &str| Delivery {
            kind: Kind::Mail,
            id: "a".into(),
            envelope: BTreeMap::new(),
            content: content.into(),
        };
        received.take(mail("x"));
        received.take(mail("x"));
        assert!(received.problems.is_empty());
        assert_eq!(received.by_id["a"].count, 2);
        received.take(mail("y"));
        assert_eq!(received.problems.len(), 1);
    }
}
