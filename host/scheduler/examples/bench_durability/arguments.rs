//! The command line.

use longshore_store::Synchronous;

/// What to measure, and how much.
pub(crate) struct Arguments {
    pub(crate) history: u32,
    pub(crate) schedule: u32,
    pub(crate) rounds: usize,
    /// Tasks of a round. So many that the write-ahead log goes back into the database several times within each kind of
    /// work: with fewer, one time more or less made a fifth of the whole.
    pub(crate) tasks: usize,
    pub(crate) sweeps: usize,
    pub(crate) idle_sweeps: usize,
    pub(crate) synchronous: Synchronous,
}

impl Arguments {
    pub(crate) fn read() -> Self {
        let mut arguments = Self {
            history: 1_000_000,
            schedule: 1_000_000,
            rounds: 9,
            tasks: 20_000,
            sweeps: 20,
            idle_sweeps: 1_000,
            synchronous: Synchronous::Full,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_else(|| panic!("{word} wants a value"));
            let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{word} wants a number"));
            match word.as_str() {
                "--history" => arguments.history = number() as u32,
                "--schedule" => arguments.schedule = number() as u32,
                "--rounds" => arguments.rounds = number().max(1),
                "--tasks" => arguments.tasks = number().max(1),
                "--sync" => {
                    arguments.synchronous = match value.as_str() {
                        "full" => Synchronous::Full,
                        "normal" => Synchronous::Normal,
                        "off" => Synchronous::Off,
                        other => panic!("--sync {other} is not known"),
                    }
                }
                other => panic!("{other} is not known"),
            }
        }
        arguments
    }
}
