//! The pure heart: what records, events and queries mean. No I/O, no clock, no tokio, no ratatui.

pub mod aggregate;
pub mod bookmark;
pub mod bson;
pub mod calendar;
pub mod column;
pub mod contrast;
pub mod diff;
pub mod event;
pub mod group;
pub mod instant;
pub mod json;
pub mod nearest;
pub mod number;
pub mod path;
pub mod profile;
pub mod purge;
pub mod query;
pub mod record;
pub mod sanitise;
pub mod scalar;
pub mod strict;
pub mod suggest;
pub mod usage;
pub mod words;
