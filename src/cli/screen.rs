//! `auditail TARGET`: the screen, where there is a terminal to draw it on.

use std::io::IsTerminal;

use crate::cli::arguments::Common;
use crate::cli::failure::Failure;

/// Runs the command.
pub fn run(target: Option<&str>, _common: &Common) -> Result<(), Failure> {
    let Some(_target) = target else {
        return Err(Failure::usage("which store? TARGET is missing")
            .hint("auditail demo shows a generated audit log")
            .hint("auditail postgres://user@host/database opens a database, auditail --help tells more"));
    };
    need_terminal(
        "query TARGET -o ndjson prints events without a screen, tail TARGET follows them",
    )?;
    Err(Failure::usage("the screen is not there yet"))
}

/// Refuses to draw where nobody would see it.
pub fn need_terminal(instead: &str) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(
        Failure::usage("the screen needs a terminal, and stdin or stdout is not one")
            .hint(format!("auditail {instead}")),
    )
}
