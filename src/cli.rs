//! The command line: a contract that scripts rely on. Arguments are described here; each command
//! lives in a file below.
//!
//! Does not know how anything is done: commands ask stores, printers and the runtime.

mod arguments;
mod checkpoint;
mod count;
mod demo;
mod doctor;
mod facets;
pub mod failure;
mod first;
mod groups;
mod narrate;
mod output;
mod profile_files;
mod profiles;
mod purge;
mod query;
mod replacement;
mod screen;
mod session;
mod settle;
mod signals;
mod tail;
mod themes;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::{Cli, Command};
use failure::{Failure, Kind};

use crate::core::sanitise::safe;

/// Runs the program with these arguments (the first is its name) and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = arguments::spare_filters(arguments);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            say(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    match dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            narrate::explain(&failure);
            ExitCode::from(failure.kind.code())
        }
    }
}

/// Says what is wrong with the arguments, which it repeats: what a terminal might obey is shown.
fn say(error: &clap::Error) {
    let said = error.render().to_string();
    if said.lines().all(|line| safe(line) == line) {
        // Help and version are no errors; a closed pipe under them is none either.
        let _ = error.print();
    } else {
        said.lines().for_each(narrate::say);
    }
}

/// The description of the command line, for completions and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    let common = &cli.common;
    if let (Some(target), Some(_)) = (&cli.target, &cli.command) {
        return Err(Failure::usage(format!(
            "{target} stands before a command, which takes its own target"
        ))
        .hint("write the command first: auditail query TARGET"));
    }
    if cli.first.is_given() && cli.command.is_some() {
        return Err(Failure::usage(
            "what the screen shows first stands before a command that is not the screen",
        )
        .hint("auditail TARGET --filter … opens the screen; auditail query TARGET FILTER prints"));
    }
    if common.groups.is_some() && !knows_groups(cli.command.as_ref()) {
        return Err(Failure::usage("this command knows no groups")
            .hint("--groups is for the screen, query, count, tail, facets and usage"));
    }
    match &cli.command {
        None => screen::run(cli.target.as_deref(), &cli.first, common),
        Some(Command::Query(arguments)) => headless(query::run(arguments, common)),
        Some(Command::Count(arguments)) => headless(count::run(arguments, common)),
        Some(Command::Facets(arguments)) => headless(facets::run(arguments, common)),
        Some(Command::Usage(arguments)) => headless(usage::run(arguments, common)),
        Some(Command::Tail(arguments)) => headless(tail::run(arguments, common)),
        Some(Command::Profiles(arguments)) => profiles::run(arguments, common),
        Some(Command::Purge(arguments)) => headless(purge::run(arguments, common)),
        Some(Command::Restore(arguments)) => headless(purge::restore(arguments, common)),
        Some(Command::Demo(arguments)) => demo::run(arguments, common),
        Some(Command::Themes(arguments)) => themes::run(arguments),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command(), "auditail", &mut script);
            output::print(&String::from_utf8_lossy(&script))
        }
        Some(Command::Doctor(arguments)) => headless(doctor::run(arguments, common)),
    }
}

/// A purge does not: who is in a group today is not what it archived.
fn knows_groups(command: Option<&Command>) -> bool {
    match command {
        None
        | Some(
            Command::Query(_)
            | Command::Count(_)
            | Command::Facets(_)
            | Command::Usage(_)
            | Command::Tail(_)
            | Command::Demo(_),
        ) => true,
        Some(_) => false,
    }
}

/// Runs a command on a runtime of its own. Threads that are stuck in a write to a reader that does
/// not read are left behind: the process ends anyway.
fn headless(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Kind::Failed, format!("cannot start: {error}")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}
