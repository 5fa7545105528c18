//! What is different in a part of the time: values whose share of the events there is not what it is
//! in the rest.
//!
//! The measure is one that can be checked with a pencil. Of each value it is counted in how many
//! events it stands, in the part and in the rest. It is different when the two shares are
//! [`POINTS`] apart or more, and further than [`DEVIATIONS`] times what that share varies by from
//! one stretch of the rest to another, that with the largest share left out; so that people who come
//! and go, or work in bursts, are no finding. The bars beside the part are on neither side, unless
//! little else is left: a cause has seldom begun with a bar. Where too few stretches were read to see
//! what varies, they must be [`UNSEEN_POINTS`] apart, and it is said. That there are more events is
//! none either, nor that what goes on at its own pace has a smaller share of them, and everything
//! else for that a larger one: it is the mix that counts.
//!
//! Does not read events: [`probe`] says which to read, [`tally::Tally`] takes them.

pub mod probe;
pub mod tally;

pub use crate::core::aggregate::Subject;

/// Shares are different from this distance on.
pub const POINTS: f64 = 0.10;

/// Shares are different from this distance on where nobody knows how much they vary by themselves.
pub const UNSEEN_POINTS: f64 = 0.20;

/// And from so many standard deviations on.
pub const DEVIATIONS: f64 = 4.0;

/// Fewer events on a side say nothing about shares.
pub const FEWEST: u64 = 10;

/// A value, or what stands for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// This one.
    Is(String),
    /// The event has none.
    Missing,
    /// A number as large as this or larger, which in the rest is one in ten.
    AtLeast(String),
}

/// In how many of so many events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// In these.
    pub events: u64,
    /// Of these.
    pub of: u64,
}

impl Share {
    /// 0 to 1; of nothing, nothing.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample has some thousand events"
    )]
    pub fn fraction(self) -> f64 {
        if self.of == 0 {
            return 0.0;
        }
        self.events as f64 / self.of as f64
    }
}

/// A value that is different.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Of what.
    pub subject: Subject,
    /// Which.
    pub value: Value,
    /// In the part.
    pub here: Share,
    /// In the rest.
    pub rest: Share,
    /// Others that stand in as many events on both sides: as good as the same events.
    pub also: Vec<(Subject, Value)>,
}

impl Finding {
    /// By how much the share differs: positive where it is larger in the part, −1 to 1.
    pub fn difference(&self) -> f64 {
        self.here.fraction() - self.rest.fraction()
    }
}

/// Whether it was seen how much shares vary by themselves, from one stretch of the rest to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habits {
    /// It was.
    Seen,
    /// The stretches were too few for that.
    Unseen,
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// There are not enough events to compare: how many here, how many in the rest.
    TooFew(u64, u64),
    /// What is different, the largest difference first; nothing, where the mix is the same.
    Different(Vec<Finding>),
}
