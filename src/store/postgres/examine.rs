//! What `doctor` has to say about a table on a server: what works, what is missing, and the exact
//! statement that would mend it. Looks only; mends nothing.

use tokio_util::sync::CancellationToken;

use crate::core::profile::ColumnKind;
use crate::store::postgres::Inner;
use crate::store::postgres::layout::KeyColumn;
use crate::store::postgres::session::{Purpose, Session};
use crate::store::postgres::sql;
use crate::store::postgres::sql::quote::ident;
use crate::store::{Finding, FindingLevel, StoreError};

/// The major version that the tests run on.
const TESTED: &str = "15";
/// Rows below which a missing index costs nothing anybody would notice.
const SMALL: u64 = 50_000;
/// Counting stops here.
const ENOUGH: u64 = 10_000;

/// All findings, the good ones too.
pub async fn examine(inner: &Inner, stop: &CancellationToken) -> Result<Vec<Finding>, StoreError> {
    let session = inner.pool.lease(Purpose::Browse, stop).await?;
    let mut findings = vec![
        good(
            "session",
            "read-only, checked when it was opened".to_owned(),
        ),
        version(&session),
        transport(&session),
        privileges(inner, &session),
        key(inner),
        time_index(inner),
    ];
    findings.extend(json_indexes(inner));
    if session.server.in_recovery {
        findings.push(advice(
            "standby",
            "the server is a standby: a tail lags behind the primary as much as it does".to_owned(),
            None,
        ));
    }
    findings.push(statistics(inner, &session, stop).await?);
    findings.push(undated(inner, &session, stop).await?);
    findings.extend(kept(inner, &session, stop).await?);
    Ok(findings)
}

fn good(subject: &str, message: String) -> Finding {
    Finding {
        level: FindingLevel::Good,
        subject: subject.to_owned(),
        message,
        remedy: None,
    }
}

fn advice(subject: &str, message: String, remedy: Option<String>) -> Finding {
    Finding {
        level: FindingLevel::Advice,
        subject: subject.to_owned(),
        message,
        remedy,
    }
}

fn version(session: &Session) -> Finding {
    let version = &session.server.version;
    if version.split('.').next() == Some(TESTED) {
        good(
            "server version",
            format!("PostgreSQL {version}, a version the tests run on"),
        )
    } else {
        advice(
            "server version",
            format!("PostgreSQL {version}: not run by the tests, which use {TESTED}"),
            None,
        )
    }
}

fn transport(session: &Session) -> Finding {
    let words = session.server.transport;
    match words {
        "no TLS" => advice(
            "connection",
            "not encrypted: passwords and events travel in the clear".to_owned(),
            Some("connect with ?sslmode=verify-full".to_owned()),
        ),
        "TLS unverified" => advice(
            "connection",
            "encrypted, but nobody has checked who the server is".to_owned(),
            Some("connect with ?sslmode=verify-full, and sslrootcert=FILE for an authority of your own".to_owned()),
        ),
        words => good("connection", words.to_owned()),
    }
}

fn privileges(inner: &Inner, session: &Session) -> Finding {
    let table = &inner.layout.table;
    let role = &session.server.role;
    if table.can_write {
        return advice(
            "privileges",
            format!(
                "role {role} could change or delete rows; auditail never does, but a reader is safer"
            ),
            Some(format!(
                "CREATE ROLE auditail_reader LOGIN;\nGRANT USAGE ON SCHEMA {} TO auditail_reader;\nGRANT SELECT ON {} TO auditail_reader;",
                ident(&table.schema),
                table.quoted()
            )),
        );
    }
    if !table.can_select {
        let hidden: Vec<&str> = table
            .columns
            .iter()
            .filter(|column| !column.readable)
            .map(|column| column.name.as_str())
            .collect();
        return advice(
            "privileges",
            format!(
                "role {role} may not read the columns {}; they are left out",
                hidden.join(", ")
            ),
            Some(format!(
                "GRANT SELECT ON {} TO {};",
                table.quoted(),
                ident(role)
            )),
        );
    }
    good(
        "privileges",
        format!("role {role} may read the table and nothing else"),
    )
}

fn key(inner: &Inner) -> Finding {
    let names: Vec<&str> = inner
        .layout
        .key
        .iter()
        .filter_map(KeyColumn::name)
        .collect();
    if inner.layout.is_keyed_by_place() {
        return advice(
            "key",
            "no primary key: rows are told apart by their place, which changes when they do"
                .to_owned(),
            Some(format!(
                "ALTER TABLE {} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;",
                inner.layout.table.quoted()
            )),
        );
    }
    good("key", names.join(", "))
}

fn time_index(inner: &Inner) -> Finding {
    let layout = &inner.layout;
    let time = &layout.time.name;
    if layout.table.is_ordered(time) {
        return good("index on time", format!("an index begins with {time}"));
    }
    let is_small = layout
        .table
        .rows_estimate()
        .is_some_and(|rows| rows < SMALL);
    let mut columns = vec![ident(time)];
    columns.extend(layout.key.iter().filter_map(KeyColumn::name).map(ident));
    Finding {
        level: if is_small {
            FindingLevel::Advice
        } else {
            FindingLevel::Problem
        },
        subject: "index on time".to_owned(),
        message: format!("no index begins with {time}: every page reads the whole table"),
        remedy: Some(format!(
            "CREATE INDEX CONCURRENTLY ON {} ({});",
            layout.table.quoted(),
            columns.join(", ")
        )),
    }
}

fn json_indexes(inner: &Inner) -> Vec<Finding> {
    let table = &inner.layout.table;
    let documents = table
        .columns
        .iter()
        .filter(|column| column.kind() == ColumnKind::Json && column.readable);
    documents
        .map(|column| {
            let name = &column.name;
            if table.has_gin(name) {
                return good(
                    "index on JSON",
                    format!("equality on a key of {name} uses a GIN index"),
                );
            }
            if column.base == "json" {
                return advice(
                    "index on JSON",
                    format!("{name} is json, which no index serves; filters on it read row by row"),
                    Some(format!(
                        "ALTER TABLE {} ALTER COLUMN {} TYPE jsonb;",
                        table.quoted(),
                        ident(name)
                    )),
                );
            }
            advice(
                "index on JSON",
                format!("filters on keys of {name} walk through time row by row"),
                Some(format!(
                    "CREATE INDEX CONCURRENTLY ON {} USING gin ({} jsonb_path_ops);",
                    table.quoted(),
                    ident(name)
                )),
            )
        })
        .collect()
}

/// Estimates and plans are as good as the last ANALYZE.
async fn statistics(
    inner: &Inner,
    session: &Session,
    stop: &CancellationToken,
) -> Result<Finding, StoreError> {
    let table = &inner.layout.table;
    let statement = format!(
        "SELECT to_char(greatest(last_analyze, last_autoanalyze), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), \
         n_mod_since_analyze::text, n_live_tup::text FROM pg_stat_user_tables WHERE relid = {}::oid",
        table.oid
    );
    let row = session
        .texts(&statement, &table.label(), stop)
        .await?
        .into_iter()
        .next();
    let mut values = row.unwrap_or_default().into_iter();
    let analysed = values.next().flatten();
    let number = |value: Option<Option<String>>| -> u64 {
        value
            .flatten()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    let (changed, live) = (number(values.next()), number(values.next()));
    let remedy = Some(format!("ANALYZE {};", table.quoted()));
    Ok(match analysed {
        None if table.kind == "r" => advice(
            "statistics",
            "never analysed: estimates are guesses, and plans may be poor".to_owned(),
            remedy,
        ),
        Some(at) if changed > live / 2 + 1_000 => advice(
            "statistics",
            format!("analysed {at}, and {changed} rows have changed since"),
            remedy,
        ),
        Some(at) => good("statistics", format!("analysed {at}")),
        None => good("statistics", "kept by the parts of the table".to_owned()),
    })
}

async fn undated(
    inner: &Inner,
    session: &Session,
    stop: &CancellationToken,
) -> Result<Finding, StoreError> {
    let layout = &inner.layout;
    let found = counted(inner, session, &layout.time.is_undated(), stop).await?;
    let name = &layout.time.name;
    Ok(match found {
        0 => good("time", format!("every row has a usable {name}")),
        number => Finding {
            level: FindingLevel::Advice,
            subject: "time".to_owned(),
            message: format!(
                "{} have no usable {name} (NULL or infinite); they are listed after the oldest event",
                rows(number)
            ),
            remedy: Some(format!("see them: auditail query TARGET 'missing:{name}'")),
        },
    })
}

/// Rows a purge would keep, when they are old enough to wonder about.
async fn kept(
    inner: &Inner,
    session: &Session,
    stop: &CancellationToken,
) -> Result<Vec<Finding>, StoreError> {
    let layout = &inner.layout;
    let mut findings = Vec::new();
    let Some(now) = layout
        .time
        .literal(super::numbers::now(session, stop).await?.plus(-600_000_000))
    else {
        return Ok(findings);
    };
    for keep in &layout.profile.purge.keep {
        let condition = sql::holding(&keep.when, layout);
        if condition.sql == "TRUE" {
            continue;
        }
        let old = format!(
            "({}) AND {} AND {} < {now}",
            condition.sql,
            layout.time.is_dated(),
            layout.time.sql
        );
        let number = counted(inner, session, &old, stop).await?;
        findings.push(if number == 0 {
            good(
                "rows to keep",
                format!("none is older than ten minutes ({})", keep.because),
            )
        } else {
            advice(
                "rows to keep",
                format!("{} older than ten minutes: {}", rows(number), keep.because),
                None,
            )
        });
    }
    Ok(findings)
}

fn rows(number: u64) -> String {
    match number {
        1 => "1 row".to_owned(),
        many if many >= ENOUGH => format!("{ENOUGH} rows or more"),
        many => format!("{many} rows"),
    }
}

async fn counted(
    inner: &Inner,
    session: &Session,
    condition: &str,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let layout = &inner.layout;
    let statement = format!(
        "SELECT count(*)::text FROM (SELECT 1 FROM {} WHERE {condition} LIMIT {ENOUGH}) s",
        layout.from()
    );
    let found = session
        .texts(&statement, &layout.table.label(), stop)
        .await?;
    Ok(found
        .into_iter()
        .flatten()
        .flatten()
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0))
}
