//! Tests that read what others wrote: known inputs, changed at random, and kept when one breaks something.
//!
//! A corpus is a folder of inputs. Each is tried as it is, and then in as many changed forms as there are runs. An input that
//! makes the check panic is put into the corpus as `found-…`, so that it is tried ever after.
//!
//! `FUZZ_RUNS` says how many changed inputs are tried in place of the number that a test says, and `FUZZ_SEED` which; a run
//! of tests without them tries the same ones each time.

mod mutate;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use self::mutate::Mutator;

/// Inputs of which others are made.
pub struct Corpus {
    folder: PathBuf,
    inputs: BTreeMap<String, Vec<u8>>,
}

impl Corpus {
    /// The files of a folder.
    ///
    /// # Panics
    ///
    /// If the folder cannot be read, or is empty.
    pub fn read(folder: &Path) -> Self {
        let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let inputs: BTreeMap<_, _> = files
            .map(|file| {
                let path = file.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
                let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes)
            })
            .collect();
        assert!(!inputs.is_empty(), "{} has no inputs", folder.display());
        Self { folder: folder.to_owned(), inputs }
    }

    /// One input more, which is made rather than kept.
    pub fn with(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.inputs.insert(name.to_owned(), bytes);
        self
    }

    /// Each input as `change` makes it: of a text that is compiled, say.
    pub fn map(mut self, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Self {
        self.inputs = self.inputs.into_iter().map(|(name, bytes)| (name, change(bytes))).collect();
        self
    }

    /// Tries each input, and `runs` changed ones.
    ///
    /// # Panics
    ///
    /// As `check` does, once the input is kept.
    pub fn fuzz(&self, runs: u64, mut check: impl FnMut(&[u8])) {
        for (name, bytes) in &self.inputs {
            self.attempt(&format!("the input {name:?}"), bytes, &mut check);
        }
        let runs = number("FUZZ_RUNS").unwrap_or(runs);
        let first = number("FUZZ_SEED").unwrap_or(1);
        let inputs: Vec<&[u8]> = self.inputs.values().map(Vec::as_slice).collect();
        for seed in first..first.saturating_add(runs) {
            let bytes = Mutator::new(seed).make(&inputs);
            self.attempt(&format!("seed {seed}"), &bytes, &mut check);
        }
    }

    fn attempt(&self, of: &str, bytes: &[u8], check: &mut impl FnMut(&[u8])) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(bytes))) else { return };
        let digest = format!("{:x}", Sha256::digest(bytes));
        let path = self.folder.join(format!("found-{}", &digest[..16]));
        let kept =
            fs::write(&path, bytes).map_or_else(|error| format!("not kept: {error}"), |()| "kept".to_owned());
        #[expect(clippy::print_stderr, reason = "it is what the one who reads the test's failure needs")]
        {
            eprintln!("{of} broke it; {kept} as {}", path.display());
        }
        resume_unwind(panic);
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
    fn what_breaks_something_is_found_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("one"), b"[limits]\nfuel = 1000\n").unwrap();
        let mut tried = 0;
        let broken = catch_unwind(AssertUnwindSafe(|| {
            Corpus::read(folder.path()).fuzz(100_000, |bytes| {
                tried += 1;
                assert!(bytes.len() < 21 || !bytes.starts_with(b"[limits]\nfuel = 10000"), "found");
            });
        }));
        assert!(broken.is_err(), "{tried} inputs broke nothing");
        let kept = Corpus::read(folder.path()).inputs;
        let (name, bytes) = kept.iter().find(|(name, _)| name.starts_with("found-")).unwrap();
        assert!(bytes.starts_with(b"[limits]\nfuel = 10000"), "{name}: {}", String::from_utf8_lossy(bytes));
    }
}
