//! `auditail facets`: the most frequent values of a field.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use unicode_width::UnicodeWidthStr;

use crate::cli::arguments::{Common, FacetFormat, Facets};
use crate::cli::failure::Failure;
use crate::cli::narrate;
use crate::cli::output::{self, Destination};
use crate::cli::session::Session;
use crate::cli::signals;
use crate::core::aggregate::{
    Aggregate, AggregateRequest, Certainty, Group, GroupKey, GroupValue, Measure, Subject,
};
use crate::core::event::Field;
use crate::core::sanitise::safe;
use crate::core::usage::team::fold;
use crate::export::json::write_text;
use crate::export::table::clip;

/// Runs the command.
pub async fn run(arguments: &Facets, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let mut session = Session::open(&arguments.target, common, stop.clone()).await?;
        // Groups are counted user by user: the store does not know them.
        let known = match arguments.field.trim() {
            "group" => session.groups().await?,
            _ => None,
        };
        let subject = match &known {
            Some(_) => Subject::Field(Field::Actor),
            None => session.subject(&arguments.field).await?,
        };
        let predicate = session.predicate(arguments.filter.as_deref()).await?;
        let request = AggregateRequest {
            predicate: Arc::new(predicate),
            keys: vec![GroupKey::Value(subject)],
            measure: Measure::Count,
            // One more than is shown tells whether there are more.
            top: known.is_none().then_some(arguments.top.saturating_add(1)),
        };
        let Aggregate {
            mut groups,
            certainty,
        } = session.aggregate(request, common).await?;
        if let Some(known) = known {
            groups = fold(&known, &groups);
        }
        let more = groups.len() > arguments.top;
        groups.truncate(arguments.top);
        output::print(&match arguments.format {
            FacetFormat::Table => table(&groups, common),
            FacetFormat::Json => json(&groups),
        })?;
        if groups.is_empty() && arguments.format == FacetFormat::Table {
            narrate::say("no event matches");
        }
        if more {
            narrate::say(&format!(
                "showing the {} most frequent values; --top N shows more",
                arguments.top
            ));
        }
        if let Certainty::AtLeast { error } = certainty {
            narrate::say(&format!(
                "there are too many different values to count each of them: the numbers are at most {error} too small"
            ));
        }
        Ok(())
    };
    signals::heed(&stop, work).await
}

fn value(group: &Group) -> Option<&str> {
    match group.key.first() {
        Some(GroupValue::Text(text)) => Some(text),
        _ => None,
    }
}

fn table(groups: &[Group], common: &Common) -> String {
    let look = output::look(Destination::stdout().medium(), common);
    let counts: Vec<String> = groups.iter().map(|group| group.count.to_string()).collect();
    let width = counts.iter().map(String::len).max().unwrap_or_default();
    let room = look
        .width
        .map_or(usize::MAX, |all| all.saturating_sub(width + 2));
    let mut text = String::new();
    for (group, count) in groups.iter().zip(&counts) {
        let value = value(group).map_or(look.charset.absent().into(), safe);
        let shown = if value.width() > room {
            clip(&value, room, look.charset)
        } else {
            value.into_owned()
        };
        text.push_str(&format!("{count:>width$}  {shown}\n"));
    }
    text
}

fn json(groups: &[Group]) -> String {
    let mut out = b"[".to_vec();
    for (place, group) in groups.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b"\n" } else { b",\n" });
        out.extend_from_slice(b"{\"value\":");
        match value(group) {
            Some(text) => write_text(&mut out, text),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(format!(",\"count\":{}}}", group.count).as_bytes());
    }
    out.extend_from_slice(if groups.is_empty() { b"]\n" } else { b"\n]\n" });
    String::from_utf8_lossy(&out).into_owned()
}
