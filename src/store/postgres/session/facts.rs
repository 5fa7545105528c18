//! What a server says about a session, and whether that is enough to read from it.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::store::postgres::session::Purpose;

/// What has to be known of a session before it is used.
pub struct Facts {
    /// `default_transaction_read_only`
    pub read_only: bool,
    /// `15.18 (Debian …)`
    pub version: String,
    /// `UTF8`, `SQL_ASCII` …
    pub encoding: String,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// `TimeZone`
    pub zone: String,
    /// `standard_conforming_strings`
    pub plain_strings: bool,
}

impl Facts {
    /// As the server reports them without being asked, which servers from 14 on do; it saves a
    /// round trip. `None`: it has to be asked.
    pub fn reported<'p>(parameter: impl Fn(&str) -> Option<&'p str>) -> Option<Self> {
        Some(Self {
            read_only: parameter("default_transaction_read_only")? == "on",
            version: parameter("server_version")?.to_owned(),
            encoding: parameter("server_encoding")?.to_owned(),
            in_recovery: parameter("in_hot_standby")? == "on",
            zone: parameter("TimeZone")?.to_owned(),
            plain_strings: parameter("standard_conforming_strings")? == "on",
        })
    }

    /// As the server answers when asked.
    pub async fn asked(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let answer = client
            .simple_query(
                "SELECT current_setting('transaction_read_only'), current_setting('server_version'), \
                 current_setting('server_encoding'), pg_is_in_recovery(), current_setting('TimeZone'), \
                 current_setting('standard_conforming_strings')",
            )
            .await?;
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let value = |at: usize| {
            let found = row.and_then(|row| row.try_get(at).ok().flatten());
            found.unwrap_or_default().to_owned()
        };
        Ok(Self {
            read_only: value(0) == "on",
            version: value(1),
            encoding: value(2),
            in_recovery: value(3) == "t",
            zone: value(4),
            plain_strings: value(5) == "on",
        })
    }

    /// What the session lacks to be read from; `None` when it lacks nothing.
    pub fn unsafe_to_read(&self, purpose: Purpose) -> Option<&'static str> {
        if !self.plain_strings {
            return Some("in standard_conforming_strings");
        }
        match (purpose, self.read_only, self.zone.as_str()) {
            (Purpose::Load | Purpose::Change, _, _) | (_, true, "UTC") => None,
            (_, false, _) => Some("read-only"),
            (_, true, _) => Some("in UTC"),
        }
    }
}

/// The server's limit for one statement of this session; `None` where it has none.
pub async fn statement_limit(client: &Client) -> Result<Option<Duration>, tokio_postgres::Error> {
    let statement = "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'";
    let answer = client.simple_query(statement).await?;
    let millis: u64 = answer
        .iter()
        .find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        })
        .unwrap_or(0);
    Ok((millis > 0).then_some(Duration::from_millis(millis)))
}
