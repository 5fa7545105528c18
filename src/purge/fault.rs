//! How a step of a purge can end other than well.

use crate::store::StoreError;

/// Why a step did not reach its end. Everything that was journalled stays good.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive's files: what is wrong with which of them.
    #[error("{message}")]
    Files {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// A filter or a time that means nothing: exit code 2.
    #[error("{message}")]
    Usage {
        /// One sentence, or the text with carets.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// A safety check says no: exit code 4.
    #[error("{message}")]
    Refused {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// Stopped on request; the same command goes on from here: exit code 5.
    #[error("stopped: {because}")]
    Stopped {
        /// By what.
        because: String,
    },
}

impl Fault {
    /// A refusal.
    pub fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// What to try next.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Files { hint, .. } | Self::Usage { hint, .. } | Self::Refused { hint, .. } => {
                hint.as_deref()
            }
            Self::Stopped { .. } => Some("run the same command again to go on from here"),
        }
    }
}
