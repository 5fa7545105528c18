//! auditail: tail, search, understand and safely purge an audit log, from a terminal.
//!
//! ```text
//! main ─► cli ─► runtime ─► ui ─► app ─► core {record, event, json, query, profile, aggregate}
//!           └────► store drivers ──► core
//! ```
//!
//! Read in this order: [`core::event`], [`core::query`], [`core::profile`], [`store`], `app`,
//! `ui`, `runtime`, `cli`.

pub mod app;
pub mod archive;
pub mod cli;
pub mod core;
pub mod demo;
pub mod export;
pub mod purge;
pub mod runtime;
pub mod store;
pub mod ui;
