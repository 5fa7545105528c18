//! What happened, in sentences; every one is kept for reading later.

use std::collections::VecDeque;

use crate::core::instant::Micros;

/// Notices kept at most.
const MOST: usize = 200;

/// How much attention a notice wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Gone from the last line with the next key.
    Info,
    /// Something did not work.
    Error,
}

impl Level {
    /// The word in front of it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "note",
            Self::Error => "error",
        }
    }
}

/// A sentence and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub at: Micros,
    /// How much attention it wants.
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// What to try.
    pub hint: Option<String>,
}

/// Every notice so far; the newest stands in the last line until it is dismissed.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    all: VecDeque<Notice>,
    dismissed: Dismissed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Dismissed {
    #[default]
    Yes,
    No,
}

impl Notices {
    /// Adds one.
    pub fn push(&mut self, notice: Notice) {
        if self.all.len() == MOST {
            self.all.pop_front();
        }
        self.all.push_back(notice);
        self.dismissed = Dismissed::No;
    }

    /// The one for the last line.
    pub fn current(&self) -> Option<&Notice> {
        match self.dismissed {
            Dismissed::Yes => None,
            Dismissed::No => self.all.back(),
        }
    }

    /// Clears the last line; the notice stays in the list.
    pub fn dismiss(&mut self) {
        self.dismissed = Dismissed::Yes;
    }

    /// All of them, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Notice> {
        self.all.iter()
    }
}
