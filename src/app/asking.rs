//! How it stands with questions that are asked one at a time, for a pane that shows their answers.

/// Whether a question of a lost connection was put again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// Not yet.
    #[default]
    No,
    /// Once; a second loss is told.
    Yes,
}

/// Whether somebody has stopped the asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stopped {
    /// It goes on.
    #[default]
    No,
    /// Until it is wanted again.
    Yes,
}
