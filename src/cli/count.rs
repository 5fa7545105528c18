//! `auditail count`: how many events match.

use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Count as Arguments};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::store::{Count, CountMode};

/// Runs the command. An estimate is marked, so that no script takes it for a count.
pub async fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let selection = &arguments.selection;
        let mut session = Session::open(&selection.target, common, stop.clone()).await?;
        let predicate = session.predicate(selection.filter.as_deref()).await?;
        let mode = if arguments.exact {
            CountMode::Exact
        } else {
            CountMode::Estimate
        };
        match session.store.count(&predicate, mode, &session.stop).await? {
            Count::Exact(number) => output::print(&format!("{number}\n")),
            Count::Estimate(number) => {
                let about = output::charset(common).about();
                output::print(&format!("{about}{number}\n"))
            }
        }
    };
    signals::heed(&stop, work).await
}
