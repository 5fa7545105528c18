//! `auditail doctor`: what works with a store, what does not, and what would mend it.

use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Doctor};
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate;
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::core::sanitise::safe;
use crate::store::{Access, Archived, Description, Finding, FindingLevel};

/// Runs the command; problems make it fail, so that scripts can ask it.
pub async fn run(arguments: &Doctor, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let session = Session::open(&arguments.target, common, stop.clone()).await?;
        let findings = session.store.examine(&session.stop).await?;
        let mut text = head(&session.description, common);
        for finding in &findings {
            tell(finding, &mut text);
        }
        output::print(&text)?;
        let problems = findings
            .iter()
            .filter(|finding| finding.level == FindingLevel::Problem)
            .count();
        match problems {
            0 => Ok(()),
            1 => Err(Failure::new(Kind::Failed, "1 problem was found")),
            more => Err(Failure::new(
                Kind::Failed,
                format!("{more} problems were found"),
            )),
        }
    };
    signals::heed(&stop, work).await
}

fn head(description: &Description, common: &Common) -> String {
    let access = match description.access {
        Access::ReadOnly => "read only",
        Access::Generated => "generated; auditail only reads it",
        Access::Archive(Archived::Whole) => "an archive; nothing writes to it",
        Access::Archive(Archived::Unfinished) => "an archive that is not finished",
        Access::RoleCanWrite => "the role could write; auditail only reads",
    };
    let rows = description.estimate.map_or_else(
        || "unknown".to_owned(),
        |rows| format!("{}{}", output::charset(common).about(), narrate::rows(rows)),
    );
    let mut text = String::new();
    for (name, value) in [
        ("store", description.name.as_str()),
        ("table", &description.relation),
        ("server", &description.server),
        ("profile", &description.profile.title),
        ("connection", &description.transport),
        ("access", access),
        ("rows", &rows),
    ] {
        text.push_str(&format!("{name:<11} {}\n", safe(value)));
    }
    for line in &description.evidence {
        text.push_str(&format!("{:<11} {}\n", "because", safe(line)));
    }
    text.push('\n');
    text
}

fn tell(finding: &Finding, text: &mut String) {
    let word = match finding.level {
        FindingLevel::Good => "ok",
        FindingLevel::Advice => "advice",
        FindingLevel::Problem => "problem",
    };
    text.push_str(&format!(
        "{word:<8} {}: {}\n",
        safe(&finding.subject),
        safe(&finding.message)
    ));
    for line in finding.remedy.iter().flat_map(|remedy| remedy.lines()) {
        text.push_str(&format!("{:<8}   {}\n", "", safe(line)));
    }
}
