//! How a receiver treats a delivery: most are taken, some are troubled as networks and servers trouble them, and at some the
//! process that delivers is killed.

use fastrand::Rng;

/// Of so many deliveries, how many are troubled, and at how many the sender is killed.
const OF: u32 = 100;
const TROUBLES: u32 = 12;
const KILLS: u32 = 3;

/// What a receiver does with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Takes it, and says so.
    Take,
    /// Asks to come again: 503, or 451.
    Refuse,
    /// Closes the connection in place of an answer, and has not taken it.
    HangUp,
    /// Takes it, and closes the connection in place of an answer: the sender cannot know.
    TakeAndHangUp,
    /// Takes it once the sender has lost its patience.
    TakeLate,
    /// Kills the sender.
    Kill(Moment),
}

/// A moment of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The connection is there, and nothing was said.
    Connected,
    /// The message has come whole, and is not taken.
    Arrived,
    /// The message is taken, and there is no answer.
    Taken,
    /// The answer is on its way.
    Answered,
}

impl Moment {
    const ALL: [Self; 4] = [Self::Connected, Self::Arrived, Self::Taken, Self::Answered];

    /// Its name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Arrived => "arrived",
            Self::Taken => "taken",
            Self::Answered => "answered",
        }
    }
}

impl Conduct {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        match rng.u32(0..OF) {
            0..KILLS => Self::Kill(Moment::ALL[rng.usize(0..Moment::ALL.len())]),
            at if at < KILLS + TROUBLES => match rng.u32(0..10) {
                0..3 => Self::Refuse,
                3..6 => Self::HangUp,
                6..9 => Self::TakeAndHangUp,
                // Rare: it keeps one of few places of the sender for as long as its patience is.
                _ => Self::TakeLate,
            },
            _ => Self::Take,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_conduct_comes_and_most_deliveries_are_taken() {
        let mut rng = Rng::with_seed(7);
        let drawn: Vec<Conduct> = (0..1_000).map(|_| Conduct::draw(&mut rng)).collect();
        let count = |conduct| drawn.iter().filter(|drawn| **drawn == conduct).count();
        assert!(count(Conduct::Take) > 700);
        let troubles = [Conduct::Refuse, Conduct::HangUp, Conduct::TakeAndHangUp, Conduct::TakeLate];
        for conduct in troubles.into_iter().chain(Moment::ALL.map(Conduct::Kill)) {
            assert!(count(conduct) > 0, "{conduct:?}");
        }
    }
}
