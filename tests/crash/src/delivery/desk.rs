//! What receivers share, whatever they speak: how they treat a delivery, what they have taken, and whom they may kill.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::conduct::{Conduct, Moment};
use super::received::{Delivery, Received};
use super::signature::Secret;
use crate::process::{Process, Processes};

/// For how long a sender may say nothing. Longer than its own patience, which is what [`Conduct::TakeLate`] waits for.
const SILENCE: Duration = Duration::from_secs(10);

/// How the next delivery is treated.
type Draw = Box<dyn FnMut() -> Conduct + Send>;

/// What receivers share.
pub(crate) struct Desk {
    pub(super) secret: Secret,
    draw: Mutex<Draw>,
    received: Mutex<Received>,
    processes: Arc<Processes>,
}

/// What is answered to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    Later,
    /// The connection is closed.
    Nothing,
}

impl Desk {
    pub(super) fn new(
        secret: Secret,
        processes: Arc<Processes>,
        draw: impl FnMut() -> Conduct + Send + 'static,
    ) -> Self {
        Self { secret, draw: Mutex::new(Box::new(draw)), received: Mutex::default(), processes }
    }

    /// From now on everything is taken at once.
    pub(super) fn calm(&self) {
        *self.draw.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(|| Conduct::Take);
    }

    /// All that was taken since the last time.
    pub(super) fn empty(&self) -> Received {
        std::mem::take(&mut self.received())
    }

    /// Notes what is wrong with what came.
    pub(super) fn complain(&self, what: impl Into<String>) {
        self.received().problems.push(what.into());
    }

    /// Begins with a connection. None when its sender is killed at once.
    pub(super) fn visit(&self, stream: &mut TcpStream) -> io::Result<Option<Visit<'_>>> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        let conduct = (self.draw.lock().unwrap_or_else(PoisonError::into_inner))();
        let mut visit = Visit { desk: self, conduct, sender: None };
        if let Conduct::Kill(moment) = conduct {
            // Looked for in any case before the answer, after which there may be no connection any more.
            match self.processes.behind(stream) {
                Some(sender) => visit.sender = Some(sender),
                None => visit.conduct = Conduct::Take,
            }
            if visit.sender.is_some() && moment == Moment::Connected {
                visit.kill(moment);
                return Ok(None);
            }
        }
        Ok(Some(visit))
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection.
pub(super) struct Visit<'a> {
    desk: &'a Desk,
    conduct: Conduct,
    sender: Option<Arc<Process>>,
}

impl Visit<'_> {
    /// Treats a message that has come whole, and says what to answer.
    pub(super) fn arrived(&self, stream: &mut TcpStream, delivery: Delivery) -> Answer {
        let take = || self.desk.received().take(delivery);
        match self.conduct {
            Conduct::Take | Conduct::Kill(Moment::Answered) => take(),
            Conduct::Refuse => return Answer::Later,
            Conduct::HangUp => return Answer::Nothing,
            Conduct::TakeAndHangUp => {
                take();
                return Answer::Nothing;
            }
            Conduct::TakeLate => {
                until_gone(stream);
                take();
                return Answer::Nothing;
            }
            Conduct::Kill(moment) => {
                if moment == Moment::Taken {
                    take();
                }
                self.kill(moment);
                // What is closed before could be seen by a sender that is about to die.
                until_gone(stream);
                return Answer::Nothing;
            }
        }
        Answer::Taken
    }

    /// The answer that a message was taken has been sent.
    pub(super) fn answered(&self) {
        if self.conduct == Conduct::Kill(Moment::Answered) {
            self.kill(Moment::Answered);
        }
    }

    fn kill(&self, moment: Moment) {
        if let Some(sender) = &self.sender {
            sender.kill_at(moment);
        }
    }
}

/// Waits until the other end has closed the connection, at most for [`SILENCE`].
fn until_gone(stream: &mut TcpStream) {
    let mut rest = [0; 256];
    while matches!(stream.read(&mut rest), Ok(1..)) {}
}
