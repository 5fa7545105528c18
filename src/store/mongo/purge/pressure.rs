//! How hard a server is pressed, as far as it tells this user.

use mongodb::bson::{Bson, DateTime, Document, doc};

use crate::store::StoreError;
use crate::store::mongo::discover::unsigned;
use crate::store::mongo::failure;
use crate::store::mongo::link::Deployment;
use crate::store::mongo::purge::desk::Desk;
use crate::store::purger::Pressure;

/// Asks the server.
pub async fn of(desk: &Desk) -> Result<Pressure, StoreError> {
    let mut pressure = Pressure::default();
    if let Deployment::ReplicaSet(_) = desk.link.server.deployment {
        match asked(desk, doc! {"replSetGetStatus": 1}).await? {
            Some(status) => pressure.replica_seconds = behind(&status),
            None => unseen(&mut pressure, "how far replicas are behind"),
        }
    }
    let sections = doc! {
        "serverStatus": 1, "globalLock": 1, "wiredTiger": 1, "repl": 0, "metrics": 0, "locks": 0,
        "opcounters": 0, "network": 0, "connections": 0, "asserts": 0, "tcmalloc": 0, "sharding": 0,
    };
    match asked(desk, sections).await? {
        Some(status) => {
            let number = |path: &[&str]| at(&status, path).and_then(unsigned);
            pressure.waiting = number(&["globalLock", "currentQueue", "total"]);
            pressure.wal = number(&["wiredTiger", "log", "log bytes written"]);
        }
        None => unseen(&mut pressure, "locks and the journal's size"),
    }
    Ok(pressure)
}

fn unseen(pressure: &mut Pressure, what: &str) {
    let text = format!("{what} (role clusterMonitor)");
    pressure.unseen.push(text);
}

/// An answer; `None` where this user may not ask.
async fn asked(desk: &Desk, command: Document) -> Result<Option<Document>, StoreError> {
    match desk.command("admin", command).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if failure::is_passing(&error) => Err(desk.failed(&error)),
        Err(_) => Ok(None),
    }
}

fn at<'d>(document: &'d Document, path: &[&str]) -> Option<&'d Bson> {
    let (last, path) = path.split_last()?;
    let mut inside = document;
    for step in path {
        inside = inside.get_document(step).ok()?;
    }
    inside.get(last)
}

/// How long the slowest member that bears data is behind the primary.
fn behind(status: &Document) -> Option<f64> {
    const PRIMARY: i32 = 1;
    const SECONDARY: i32 = 2;
    let members = status.get_array("members").ok()?;
    let times = |state: i32| {
        let members = members.iter().filter_map(Bson::as_document);
        members
            .filter(move |member| member.get_i32("state").is_ok_and(|is| is == state))
            .filter_map(|member| member.get_datetime("optimeDate").ok())
            .map(|time: &DateTime| time.timestamp_millis())
    };
    let primary = times(PRIMARY).max()?;
    let slowest = times(SECONDARY).min()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    let seconds = primary.saturating_sub(slowest).max(0) as f64 / 1000.0;
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_member_counts() {
        let member = |state: i32, seconds: i64| {
            Bson::Document(doc! {
                "state": state, "optimeDate": DateTime::from_millis(seconds * 1000),
            })
        };
        let members = vec![member(1, 100), member(2, 99), member(2, 70), member(7, 0)];
        assert_eq!(behind(&doc! {"members": members}), Some(30.0));
        assert_eq!(behind(&doc! {"members": [member(1, 100)]}), None);
    }
}
