//! The one binary of all integration tests: servers start once, linking happens once.
//!
//! `AUDITAIL_TEST_STORES=sqlite` leaves the PostgreSQL tests out on purpose; without it a missing
//! server fails them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test ends at the first surprise, and its names are its documentation"
)]

mod archive_store;
mod cli_demo;
mod cli_errors;
mod cli_query;
mod cli_store;
mod cli_tail;
mod cli_usage;
mod contract;
mod differential;
mod guessed;
mod harness;
mod mongo;
mod mongo_purge;
mod own_files;
mod passwords;
mod postgres_connect;
mod postgres_keys;
mod postgres_purge;
mod postgres_store;
mod postgres_tail;
mod purge;
mod purge_sqlite;
mod sqlite_store;
mod terminal;
mod tidy;
mod winston;
