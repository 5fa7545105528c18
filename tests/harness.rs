//! What the tests share: servers, the program in a hermetic environment.
//!
//! ```ignore
//! let Some(postgres) = harness::postgres() else { return };
//! let db = postgres.database("paging");
//! db.sql("create table t (id int)");
//! open(&db.url, …)
//! ```

pub mod archive;
pub mod certificates;
pub mod clutch;
pub mod detour;
pub mod following;
pub mod mongo;
pub mod postgres;
pub mod program;

pub use mongo::Mongo;
pub use postgres::Postgres;

/// The stores the run was narrowed to; `None` means all of them.
fn narrowed_to() -> Option<Vec<String>> {
    let text = std::env::var("AUDITAIL_TEST_STORES").ok()?;
    Some(text.split(',').map(|word| word.trim().to_owned()).collect())
}

/// The cluster all tests of this run share, started at the first call. `None` only when
/// `AUDITAIL_TEST_STORES` leaves PostgreSQL out; a machine without a server fails the test.
pub fn postgres() -> Option<&'static Postgres> {
    wants("postgres").then(Postgres::shared)
}

/// A cluster of the caller's own, for tests that stop or restart the server.
pub fn private_postgres() -> Option<Postgres> {
    wants("postgres").then(Postgres::start_new)
}

/// The server of this kind all tests of this run share, started at the first call. `None` only when
/// `AUDITAIL_TEST_STORES` leaves MongoDB out; a machine without a server fails the test.
pub fn mongo(topology: mongo::Topology) -> Option<&'static Mongo> {
    wants("mongo").then(|| Mongo::shared(topology))
}

/// A server of the caller's own, for tests that stop it, restart it or need other settings.
pub fn private_mongo(
    topology: mongo::Topology,
    login: mongo::Login,
    extra: &[&str],
) -> Option<Mongo> {
    wants("mongo").then(|| Mongo::start_new(topology, login, extra))
}

/// Whether this run is about a store.
pub fn wants(name: &str) -> bool {
    narrowed_to().is_none_or(|stores| stores.iter().any(|store| store == name))
}
