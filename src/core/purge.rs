//! The purge as data: what is to go, what has been done, and what may be done next.
//!
//! A purge is a chain of facts written down before they are relied upon. Nothing here reads a clock,
//! opens a file or speaks to a server; `archive` keeps the files, drivers speak to servers, `purge`
//! (the layer above) drives both.

pub mod decode;
pub mod insert;
pub mod journal;
pub mod key;
pub mod plan;
pub mod row;
