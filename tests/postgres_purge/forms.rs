//! Values of every base type: decoded as the server's own `row_to_json`, deleted and restored to the
//! same bytes.

use auditail::core::purge::decode::copy;
use auditail::store::purger::RestoreInto;

use super::bench;

/// Types with expressions over `n` that give ordinary and edge values.
const TYPES: &[(&str, &str)] = &[
    ("bool", "n % 3 = 0"),
    ("smallint", "n::smallint - 7"),
    ("integer", "n * 2147483"),
    ("bigint", "9223372036854775807 - n"),
    ("oid", "n::oid"),
    (
        "real",
        "(ARRAY[1e-40, 'NaN', '-0', 'Infinity', 0.1, 3.4e38]::real[])[n % 6 + 1]",
    ),
    (
        "double precision",
        "(ARRAY[5e-324, 'NaN', '-0', '-Infinity', 0.1, 1e15, 1e22]::float8[])[n % 7 + 1]",
    ),
    (
        "numeric",
        "(ARRAY['NaN', '1e60', '-0.000', '123456789012345678901234567890.5', 'Infinity']::numeric[])[n % 5 + 1]",
    ),
    ("numeric(10,2)", "n / 7.0"),
    ("money", "(n * 100)::money"),
    (
        "text",
        "(ARRAY[E'a\\tb\\nc\\\\d', '\\.', '\\N', '', E'\\x01\\x1b[31m\\x7f', 'NULL', '\"q\"', U&'\\202E\\200B\\+01F600'])[n % 8 + 1]",
    ),
    ("varchar(9)", "'v' || n"),
    ("char(5)", "'c' || n"),
    ("\"char\"", "chr(65 + n % 26)::\"char\""),
    ("name", "('n' || n)::name"),
    ("bytea", "decode(md5(n::text), 'hex')"),
    (
        "timestamptz",
        "(ARRAY['infinity', '-infinity', '0044-03-15 BC', '294276-12-31', '2026-03-29 01:30:00.123456']::timestamptz[])[n % 5 + 1]",
    ),
    (
        "timestamp",
        "(ARRAY['infinity', '0044-03-15 01:02:03 BC', '294276-12-31', '2026-03-29 01:30:00.1']::timestamp[])[n % 4 + 1]",
    ),
    (
        "timestamptz(3)",
        "'2026-01-01'::timestamptz + n * interval '1.2345 s'",
    ),
    (
        "date",
        "(ARRAY['infinity', '0044-03-15 BC', '2026-02-28', '5874897-12-31']::date[])[n % 4 + 1]",
    ),
    ("time", "time '00:00' + n * interval '1.5 s'"),
    ("timetz", "('12:00:0' || n % 10 || '.25+05:45')::timetz"),
    (
        "interval",
        "make_interval(years => n, days => -n, secs => n / 3.0)",
    ),
    ("uuid", "md5(n::text)::uuid"),
    (
        "json",
        "('{\"a\": 1, \"a\":  ' || n || ', \"x\": 1e400}')::json",
    ),
    (
        "jsonb",
        "jsonb_build_object('n', n, 'deep', jsonb_build_array(null, E'\\t', 1.50))",
    ),
    ("xml", "('<a n=\"' || n || '\"/>')::xml"),
    ("inet", "('10.0.0.' || n)::inet"),
    ("cidr", "('10.' || n || '.0.0/16')::cidr"),
    ("macaddr", "'08:00:2b:01:02:03'::macaddr"),
    ("macaddr8", "'08:00:2b:01:02:03:04:05'::macaddr8"),
    ("bit(4)", "(n % 16)::bit(4)"),
    ("varbit", "B'101'::varbit"),
    ("point", "point(n, -0.5)"),
    ("line", "'{1,2,3}'::line"),
    ("lseg", "'[(0,0),(1,1)]'::lseg"),
    ("box", "box(point(n, n), point(0, 0))"),
    ("path", "'((0,0),(1,1))'::path"),
    ("polygon", "'((0,0),(1,1),(2,0))'::polygon"),
    ("circle", "circle(point(0, 0), n)"),
    ("int4range", "int4range(n, n + 5)"),
    ("tstzrange", "tstzrange('2026-01-01', NULL)"),
    ("int4multirange", "'{[1,3),[5,7)}'::int4multirange"),
    ("tsvector", "to_tsvector('simple', 'a b ' || n)"),
    ("tsquery", "to_tsquery('simple', 'a & b')"),
    ("pg_lsn", "'16/B374D848'::pg_lsn"),
    ("int2vector", "'1 2 3'::int2vector"),
    ("oidvector", "'1 2 3'::oidvector"),
    ("mood", "(enum_range(NULL::mood))[n % 2 + 1]"),
    ("short", "'d' || n % 10"),
    (
        "int[]",
        "(ARRAY['{}', '{1,NULL,-3}', '{{1,2},{3,4}}', '[0:1]={5,6}']::text[])[n % 4 + 1]::int[]",
    ),
    (
        "text[]",
        "ARRAY['a,b', 'c\"d', E'e\\\\f\\t', NULL, 'NULL', '', '{x}', ' ']",
    ),
    (
        "timestamptz[]",
        "ARRAY['infinity', '2026-01-01 00:00:00.5']::timestamptz[]",
    ),
    (
        "jsonb[]",
        "ARRAY['{\"a\": \"b,c\"}', 'null', '[1]']::jsonb[]",
    ),
    ("bool[]", "ARRAY[true, NULL, false]"),
    ("numeric[]", "ARRAY['NaN', 1.50]::numeric[]"),
    ("box[]", "ARRAY['(1,1),(0,0)', '(2,2),(1,1)']::box[]"),
    ("mood[]", "enum_range(NULL::mood)"),
    (
        "place",
        "ROW(n, E'a \"b\"\\\\(c), d\te', CASE WHEN n % 2 = 0 THEN ROW('{x,\"y z\"}', 'x', NULL)::inner_place END)::place",
    ),
    (
        "place[]",
        "ARRAY[ROW(n, '', NULL)::place, NULL, ROW(NULL, 'NULL', ROW('{}', 'y', 'NaN')::inner_place)::place]",
    ),
];

fn schema() -> String {
    let columns = TYPES.iter().enumerate();
    let columns: Vec<String> = columns
        .map(|(at, (name, _))| format!("c{at} {name}"))
        .collect();
    let nulled = TYPES.iter().enumerate();
    let values: Vec<String> = nulled
        .map(|(at, (name, value))| {
            format!("CASE WHEN n % 11 <> {at} % 11 THEN ({value})::{name} END")
        })
        .collect();
    format!(
        "CREATE TYPE mood AS ENUM ('sad', 'very ok'); CREATE DOMAIN short AS varchar(3);
         CREATE DOMAIN amount AS numeric DEFAULT 1 CHECK (VALUE <> 7);
         CREATE TYPE inner_place AS (tags text[], \"of kind\" short, much amount);
         CREATE TYPE place AS (number bigint, name text, \"in\" inner_place);
         CREATE TYPE span AS RANGE (subtype = float8);
         CREATE TABLE audit_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
         created_at timestamptz NOT NULL, actor text, action text, \"odd \"\"name\" text,
         {}, twice bigint GENERATED ALWAYS AS (c2::bigint * 2) STORED);
         INSERT INTO audit_events OVERRIDING SYSTEM VALUE
         SELECT n, '2026-01-01'::timestamptz + n * interval '1 s', 'a', 'b', 'o', {}
         FROM generate_series(1, 120) n;",
        columns.join(", "),
        values.join(", ")
    )
}

#[tokio::test]
async fn every_base_type_is_decoded_deleted_and_restored() {
    let Some(bench) = bench("purge_types", &schema()).await else {
        return;
    };
    let batch = bench.backup(7).await;
    let relation = &bench.plan.relations[0];
    assert!(relation.columns.iter().all(|column| column.name != "twice"));
    let client = bench.db.client().await;
    client
        .batch_execute("SET TimeZone = 'UTC'; SET search_path = ''")
        .await
        .unwrap();
    let names: Vec<String> = (relation.columns.iter())
        .map(|column| format!("t.\"{}\"", column.name.replace('"', "\"\"")))
        .collect();
    let truth = format!(
        "SELECT row_to_json(s)::text FROM (SELECT {} FROM public.audit_events t ORDER BY id) s",
        names.join(", ")
    );
    let truth = client.query(&truth, &[]).await.unwrap();
    assert_eq!(truth.len(), 120);
    for ((_, row), truth) in batch.rows[0].iter().zip(&truth) {
        let json = copy::record(relation, row).unwrap();
        let truth: String = truth.get(0);
        assert_eq!(json, truth);
    }
    let whole = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM audit_events t";
    let before = bench.db.sql(whole);
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!((deleted, left), (vec![120], vec![]));
    let mut restorer = bench
        .purger
        .restorer(&bench.plan, RestoreInto::Table, &bench.stop)
        .await
        .unwrap();
    let outcome = restorer.restore(&batch, &bench.stop).await.unwrap();
    assert_eq!((outcome.inserted, &outcome.altered), (120, &Vec::new()));
    restorer.finish(&bench.stop).await.unwrap();
    assert_eq!(bench.db.sql(whole), before);
}
