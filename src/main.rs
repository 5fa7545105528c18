//! The program; everything it does is in the library.

use std::process::ExitCode;

/// Rows become events on one thread and are given back on another, some twenty small pieces each:
/// the system's allocator spends a fifth of an export on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for huge pages, of which buffers that come and go leave most of each
    // unused: a third of the memory, and time to clear it. An older kernel that refuses does not
    // matter.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    auditail::cli::run(std::env::args_os())
}
