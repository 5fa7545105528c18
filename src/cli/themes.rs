//! `auditail themes`: what the screen can look like.

use crate::cli::arguments::{Themes, ThemesCommand};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::ui::theme::load::{self, BUILT_IN};

/// Runs the command.
pub fn run(arguments: &Themes) -> Result<(), Failure> {
    match &arguments.command {
        ThemesCommand::List => {
            let names: String = BUILT_IN.map(|(name, _)| format!("{name}\n")).concat();
            output::print(&names)
        }
        ThemesCommand::Show { name } => {
            load::named(name)?;
            output::print(load::built_in(name).unwrap_or_default())
        }
    }
}
