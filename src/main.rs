//! The program; everything it does is in the library.

use std::process::ExitCode;

/// Rows become events on one thread and are given back on another, some twenty small pieces each:
/// the system's allocator spends a fifth of an export on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    auditail::cli::run(std::env::args_os())
}
