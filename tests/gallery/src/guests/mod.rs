//! The guests, and what has to come of each. A table a group; the guests themselves are in `tests/guests/gallery`.

mod computing;
mod flooding;
mod loading;
mod lying;
mod reaching;

/// A guest that misbehaves.
pub(crate) struct Guest {
    /// The name of its component, which says what it does.
    pub(crate) name: &'static str,
    /// How it comes to its end.
    pub(crate) end: End,
    /// The code of that end. What it should be: a guest that ends otherwise shows a fault of the host.
    pub(crate) code: &'static str,
    /// What the message has to say, such as the limit that was hit and its key.
    pub(crate) names: &'static [&'static str],
    /// Its policy, but for the number of attempts.
    pub(crate) policy: &'static str,
    /// How often it is tried.
    pub(crate) attempts: u32,
}

/// How a guest comes to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its attempt ends. A guest that may do what it does, or that ends well where there was nothing to be had, has the code
    /// `completed`.
    Runs,
    /// It has to be cancelled, and then has the code `cancelled`.
    Cancelled,
    /// It is dropped into the plugin folder and not served, so that none of its jobs is ever taken.
    Refused,
}

/// All guests.
pub(crate) fn all() -> impl Iterator<Item = &'static Guest> {
    [computing::GUESTS, flooding::GUESTS, lying::GUESTS, reaching::GUESTS, loading::GUESTS]
        .into_iter()
        .flatten()
}

impl Guest {
    /// A guest whose attempt ends with that code and a message with these texts in it, under the default policy.
    const fn runs(name: &'static str, code: &'static str, names: &'static [&'static str]) -> Self {
        Self { name, end: End::Runs, code, names, policy: "", attempts: 1 }
    }

    /// A guest that is not loaded, for a reason with that code and these texts.
    const fn refused(name: &'static str, code: &'static str, names: &'static [&'static str]) -> Self {
        Self { end: End::Refused, ..Self::runs(name, code, names) }
    }

    /// A guest that is cancelled.
    const fn cancelled(name: &'static str) -> Self {
        Self { end: End::Cancelled, ..Self::runs(name, "cancelled", &[]) }
    }

    /// The same under this policy.
    const fn under(self, policy: &'static str) -> Self {
        Self { policy, ..self }
    }

    /// The same, tried that often.
    const fn tried(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The text of its policy file.
    pub(crate) fn policy_file(&self) -> String {
        let retry = format!("[retry]\nmax_attempts = {}\nmin_backoff_ms = 1\n", self.attempts);
        format!("{retry}\n{}\n", self.policy)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_guest_is_in_the_table_and_every_row_has_its_guest() {
        let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/gallery");
        let sources = |folder: &str| fs::read_dir(gallery.join(folder)).unwrap().flatten();
        let there: BTreeSet<String> = sources("examples")
            .chain(sources("wat/guests"))
            .map(|source| source.path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != crate::neighbours::NAME)
            .collect();
        let rows: Vec<String> = all().map(|guest| guest.name.to_owned()).collect();
        assert_eq!(there, rows.iter().cloned().collect());
        assert_eq!(there.len(), rows.len(), "a guest is there twice");
    }
}
