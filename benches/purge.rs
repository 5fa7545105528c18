//! Speed and memory of a purge, as ratios against what one would run otherwise, on the same data in
//! the same run: `cargo bench --bench purge -- [--rows N]`. Prints a table; never fails because
//! something was slow. MongoDB's purge is measured beside its reading.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a measurement that cannot be made ends the run, and the table goes to stdout"
)]

#[path = "purge/file.rs"]
mod file;
#[expect(dead_code, reason = "the other benches want the first byte, too")]
#[path = "ratios/measure.rs"]
mod measure;
#[expect(dead_code, reason = "the tests use all of it, the measurements a part")]
#[path = "../tests/harness/postgres.rs"]
mod postgres;
#[path = "purge/rounds.rs"]
mod rounds;
#[path = "purge/server.rs"]
mod server;
#[path = "purge/steps.rs"]
mod steps;
#[path = "purge/writer.rs"]
mod writer;

fn main() {
    let rows = rows_wanted();
    measure::head();
    server::measure(rows);
    file::measure(rows);
}

/// `--rows N`: so many rows go, and a tenth of that stays; cargo adds `--bench`, which means nothing
/// here.
fn rows_wanted() -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|argument| argument == "--rows");
    given
        .and_then(|at| arguments.get(at + 1))
        .map_or(1_000_000, |rows| {
            rows.parse().expect("--rows takes a number")
        })
}
