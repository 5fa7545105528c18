//! The purge: it drives a store's purging side and an archive through plan, backup, verification,
//! confirmation, deletion and reconciliation, and back by restoring.
//!
//! Every step can be repeated: what has been done is in the archive's journal, and a step that finds
//! its work done says so and goes on. Nothing here draws or prints; what happens is told as
//! [`progress::Progress`], to a dialog as well as to a terminal's standard error.

pub mod ahead;
pub mod backup;
pub mod chain;
pub mod clock;
pub mod confirm;
mod delete;
pub mod dossier;
pub mod engine;
pub mod facts;
pub mod fault;
pub mod halt;
pub mod hold;
pub mod ledger;
pub mod opening;
pub mod pace;
pub mod place;
mod plan;
pub mod progress;
pub mod receipt;
mod reconcile;
pub mod restore;
pub mod scope;
pub mod standing;
pub mod verify;
pub mod wish;
