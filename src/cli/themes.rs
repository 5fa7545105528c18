//! `auditail themes`: what the screen can look like.

use crate::cli::arguments::{Themes, ThemesCommand};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::core::sanitise::safe;
use crate::runtime::theme_files;
use crate::ui::theme::load::BUILT_IN;

/// Runs the command.
pub fn run(arguments: &Themes) -> Result<(), Failure> {
    match &arguments.command {
        ThemesCommand::List => {
            let built_in = BUILT_IN.iter().map(|(name, _)| entry(name, "built in"));
            let own = theme_files::own();
            let own = own
                .iter()
                .map(|(name, path)| entry(name, &path.display().to_string()));
            output::print(&built_in.chain(own).collect::<String>())
        }
        ThemesCommand::Show { name } => output::print(&theme_files::find(name)?.text),
    }
}

fn entry(name: &str, origin: &str) -> String {
    format!("{:<12} {}\n", safe(name), safe(origin))
}
