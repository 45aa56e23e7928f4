//! Counts the calls of an attempt and ends it in one of them.

use crate::host::Signal;
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;

/// Where to end an attempt. Calls are numbered from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nowhere.
    #[default]
    Never,
    /// The call of that number answers that the job is to stop, if it is one that answers.
    Told(u32),
    /// As [`Told`](Self::Told), counting only calls that answer.
    ToldAtAnswer(u32),
    /// The call of that number has no effect and never returns; one past the last call is the end of the job.
    Killed(u32),
    /// The save of that number, of those that change the state, is committed but never returns.
    KilledAfterSave(u32),
}

/// What a killed attempt unwinds with.
pub(super) struct Killed;

/// A call that an attempt made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Progress,
    Save,
    /// Any other, by name. It cannot tell the job to stop.
    Other(&'static str),
}

impl Call {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Save => "save",
            Self::Other(name) => name,
        }
    }

    pub(super) fn answers(self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

/// The calls of one attempt.
#[derive(Default)]
pub(super) struct Calls {
    stop: Cell<Stop>,
    made: RefCell<Vec<Call>>,
    answers: Cell<u32>,
    /// Saves that changed the state.
    changes: Cell<u32>,
    /// The process is gone: destructors that still run reach nothing.
    dead: Cell<bool>,
    /// The job was told to stop.
    told: Cell<bool>,
}

impl Calls {
    pub(super) fn begin(&self, stop: Stop) {
        self.stop.set(stop);
        self.made.borrow_mut().clear();
        self.answers.set(0);
        self.changes.set(0);
        self.dead.set(false);
        self.told.set(false);
    }

    /// Counts a call. Whether it takes effect; it does not return where the attempt is killed in it.
    pub(super) fn enter(&self, call: Call) -> bool {
        if self.dead.get() {
            return false;
        }
        self.made.borrow_mut().push(call);
        if self.stop.get() == Stop::Killed(self.count()) {
            self.kill();
        }
        true
    }

    /// What a call that answers, and has just been entered, says.
    pub(super) fn answer(&self) -> Signal {
        self.answers.set(self.answers.get() + 1);
        let told = match self.stop.get() {
            Stop::Told(number) => number == self.count(),
            Stop::ToldAtAnswer(number) => number == self.answers.get(),
            _ => false,
        };
        if self.told.get() || told {
            self.told.set(true);
            return Signal::Stop;
        }
        Signal::Proceed
    }

    /// A save has been committed, of another state than the one before.
    pub(super) fn saved_something_new(&self) {
        self.changes.set(self.changes.get() + 1);
        if self.stop.get() == Stop::KilledAfterSave(self.changes.get()) {
            self.kill();
        }
    }

    /// Whether the end of the job takes effect.
    pub(super) fn end(&self) -> bool {
        !self.dead.get() && self.stop.get() != Stop::Killed(self.count() + 1)
    }

    pub(super) fn count(&self) -> u32 {
        self.made.borrow().len() as u32
    }

    pub(super) fn made(&self) -> Vec<Call> {
        self.made.borrow().clone()
    }

    fn kill(&self) {
        self.dead.set(true);
        resume_unwind(Box::new(Killed));
    }
}
