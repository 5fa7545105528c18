//! What a command ends with: an exit code scripts rely on, one sentence, and what to try.
//!
//! The one place that knows the codes.

use std::io;

use crate::core::profile::load::ProfileError;
use crate::store::StoreError;

/// How a command can end other than well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something went wrong while working.
    Failed,
    /// The command line, a filter, a profile or a theme cannot be understood.
    Usage,
    /// No connection, or no login.
    Connect,
    /// Refused by a safety check.
    Refused,
    /// Stopped part-way; running it again goes on from there.
    Partial,
    /// A defect of the program.
    Panicked,
    /// Ctrl-C.
    Interrupted,
    /// The reader of stdout has gone; nothing is said about it.
    PipeClosed,
    /// SIGTERM or SIGHUP.
    Terminated,
}

impl Kind {
    /// Every kind with its exit code and what it stands for.
    pub const CODES: [(Self, u8, &'static str); 9] = [
        (Self::Failed, 1, "failed"),
        (Self::Usage, 2, "usage, filter or configuration"),
        (Self::Connect, 3, "no connection or no login"),
        (Self::Refused, 4, "refused by a safety check"),
        (Self::Partial, 5, "stopped part-way, resumable"),
        (Self::Panicked, 101, "a defect of the program"),
        (Self::Interrupted, 130, "interrupted (SIGINT)"),
        (
            Self::PipeClosed,
            141,
            "the reader of stdout has gone (SIGPIPE)",
        ),
        (Self::Terminated, 143, "terminated (SIGTERM, SIGHUP)"),
    ];

    /// The exit code.
    pub fn code(self) -> u8 {
        Self::CODES
            .into_iter()
            .find_map(|(kind, code, _)| (kind == self).then_some(code))
            .unwrap_or(1)
    }
}

/// A command that did not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// One sentence naming the object and what to do; or, for a filter, the text with carets.
    pub message: String,
    /// What to try, a line each.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure without advice.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// A command line that cannot be understood.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The same with one more thing to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A thread has told nothing: only a panic, which is reported above, ends it so.
    pub fn panicked(who: &str) -> Self {
        Self::new(
            Kind::Panicked,
            format!("{who} has panicked; the report above says where"),
        )
    }

    /// What a failed write to the output means.
    pub fn output(name: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::new(Kind::PipeClosed, "the reader has gone")
        } else {
            Self::new(Kind::Failed, format!("cannot write {name}: {error}"))
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Target { .. } => Kind::Usage,
            StoreError::Connect { .. } | StoreError::NoPassword { .. } => Kind::Connect,
            StoreError::Refused { .. } | StoreError::NotAllowed { .. } => Kind::Refused,
            StoreError::Cancelled => Kind::Interrupted,
            StoreError::Failed { .. } | StoreError::Busy { .. } | StoreError::Lost { .. } => {
                Kind::Failed
            }
        };
        let mut failure = Self::new(kind, error.to_string());
        failure.hints.extend(error.hint().map(str::to_owned));
        failure
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        let mut failure = Self::usage(error.to_string());
        failure.hints.extend(error.hint);
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own() {
        let mut codes: Vec<u8> = Kind::CODES.iter().map(|(_, code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::CODES.len());
        for (kind, code, _) in Kind::CODES {
            assert_eq!(kind.code(), code);
        }
    }
}
