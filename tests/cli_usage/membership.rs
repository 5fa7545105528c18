//! Groups from tables of the store's own, against the same in a file.

use mongodb::bson::{Document, doc, oid::ObjectId};

use super::shop::{RANGE, Shape, Shop, Store};

const FILE: &str = "ann,ops\nann,dev\nben,ops\nnew,on call\nstranger,ops\n";

/// Nobody is in the second table of ids, and nobody has a name that is not there.
const TABLES: &str = "
create table team (id integer, title text);
insert into team values (1, 'ops'), (2, 'dev'), (3, 'on call'), (4, null);
create table people (id integer, login text);
create table unit (id numeric(5, 2), title text);
insert into unit values (1.00, ' ops '), (2.00, 'dev'), (3.00, 'on call'), (3.00, '');
insert into people values (11, 'ann'), (12, 'ben'), (13, 'new'), (14, 'stranger');
create table member (login text, team text, person integer, team_id integer);
insert into member values ('ann', 'ops', 11, 1), ('ann', 'dev', 11, 2), ('ben', 'ops', 12, 1),
    ('new', 'on call', 13, 3), ('stranger', 'ops', 14, 1), (null, 'ops', 99, 1), ('cid', null, null, 1),
    (null, null, 12, 4);";

fn fill(store: &Store) {
    match store {
        Store::Sqlite(path) => {
            let file = rusqlite::Connection::open(path).expect("the file");
            file.execute_batch(TABLES).expect("SQL");
        }
        Store::Postgres(db) => {
            db.sql(TABLES);
        }
        Store::Mongo(db) => {
            let people = ["ann", "ben", "new", "stranger"].map(|name| (ObjectId::new(), name));
            let named = people
                .iter()
                .map(|(id, name)| doc! {"_id": id, "login": name});
            db.insert("people", named.collect());
            let teams = [(1, "ops"), (2, "dev"), (3, "on call")];
            let named = teams.map(|(id, title)| doc! {"_id": id, "title": title});
            db.insert("team", named.to_vec());
            let pair = |(who, team)| doc! {"login": who, "team": team};
            let pairs = [
                ("ann", "ops"),
                ("ann", "dev"),
                ("ben", "ops"),
                ("new", "on call"),
                ("stranger", "ops"),
            ];
            let mut all: Vec<Document> = pairs.into_iter().map(pair).collect();
            all.push(doc! {"invited": "x"});
            db.insert("roster", vec![doc! {"of": {"members": all}}]);
            let [ann, ben, new, stranger] = people.map(|(id, _)| id);
            // One of them is in two teams at once.
            db.insert(
                "member",
                vec![
                    doc! {"login": "ann", "in": {"team": ["ops", "dev"]}, "person": ann, "team_id": [1, 2]},
                    doc! {"login": "ben", "in": {"team": "ops"}, "person": ben, "team_id": 1},
                    doc! {"login": "new", "in": {"team": "on call"}, "person": new, "team_id": 3},
                    doc! {"login": "stranger", "in": {"team": "ops"}, "person": stranger, "team_id": 1},
                    doc! {"login": null, "in": {"team": "ops"}, "person": ObjectId::new(), "team_id": 1},
                    doc! {"login": "cid", "person": null, "team_id": 1},
                ],
            );
        }
    }
}

/// By names, by ids that other tables name, and by ids of another type or elements of one list.
fn known(store: &Store) -> [String; 3] {
    let (schema, team, id) = match store {
        Store::Sqlite(_) => ("main.", "team", "id"),
        Store::Postgres(_) => ("public.", "team", "id"),
        Store::Mongo(_) => ("", "in.team", "_id"),
    };
    let odd = match store {
        Store::Mongo(_) => {
            "[groups]\ntable = \"roster\"\nuser = \"of.members.login\"\ngroup = \"of.members.team\"\n"
        }
        Store::Sqlite(_) | Store::Postgres(_) => {
            "[groups]\ntable = \"member\"\n\
             user = { column = \"person\", table = \"people\", id = \"id\", name = \"login\" }\n\
             group = { column = \"team_id\", table = \"unit\", id = \"id\", name = \"title\" }\n"
        }
    };
    [
        odd.to_owned(),
        format!("[groups]\ntable = \"{schema}member\"\nuser = \"login\"\ngroup = \"{team}\"\n"),
        format!(
            "[groups]\ntable = \"member\"\n\
             user = {{ column = \"person\", table = \"{schema}people\", id = \"{id}\", name = \"login\" }}\n\
             group = {{ column = \"team_id\", table = \"team\", id = \"{id}\", name = \"title\" }}\n"
        ),
    ]
}

#[test]
fn groups_of_the_stores_own_tables_are_those_of_a_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("groups.csv");
    std::fs::write(&file, FILE).expect("written");
    let given = ["--groups", file.to_str().expect("a plain path")];
    let shop = Shop::open("usage_own_groups", Shape::Own);
    for store in &shop.stores {
        fill(store);
        for report in [
            &["top-users", "--by-group"][..],
            &["actions", "group:ops -group:dev"],
        ] {
            let asked = [report, &RANGE].concat();
            shop.knows("");
            let expected = shop.report(store, &[&asked, &given[..]].concat());
            assert!(expected["total"].as_u64() > Some(1), "{expected}");
            for groups in known(store) {
                shop.knows(&groups);
                let found = shop.report(store, &asked);
                assert_eq!(found, expected, "{} {groups}", store.target());
            }
        }
        // What the command line says comes first.
        std::fs::write(&file, "ann,other\n").expect("written");
        let other = [&["top-users", "--by-group"], &RANGE[..], &given].concat();
        let found = shop.report(store, &other);
        assert!(found.to_string().contains("\"other\""), "{found}");
        assert!(!found.to_string().contains("\"ops\""), "{found}");
        std::fs::write(&file, FILE).expect("written");
    }
}

#[test]
fn a_store_without_its_table_of_groups_is_read_without_groups() {
    let shop = Shop::open("usage_no_groups", Shape::Own);
    for store in &shop.stores {
        shop.knows("[groups]\ntable = \"nowhere\"\nuser = \"a\"\ngroup = \"b\"\n");
        let run = |report: &[&str]| shop.run(store, &[report, &RANGE].concat());
        // Nobody asks for groups, so nobody reads them.
        let found = run(&["actions"]);
        assert!(!found.err.contains("group"), "{}", found.err);
        found.ok();
        let found = run(&["actions", "did:read OR app:group"]);
        let told = "who is in which group is not known";
        assert!(
            found.err.contains(told) && found.err.contains("nowhere"),
            "{}",
            found.err
        );
        found.ok();
        let refused = run(&["actions", "group:ops"]).failed(2);
        assert!(refused.contains(told), "{refused}");
        let refused = run(&["top-users", "--by-group"]);
        assert!(
            refused.err.contains("nowhere") && refused.code == Some(1),
            "{}",
            refused.err
        );
    }
}
