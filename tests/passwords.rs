//! Passwords that are typed: asked for where somebody can type one, and never shown.

use mongodb::bson::doc;

use crate::harness;
use crate::harness::mongo::{Login, Topology};
use crate::harness::postgres::PASSWORD;
use crate::harness::program::{command, finish, run};
use crate::mongo::nested;
use crate::postgres_store::CLUTCH;
use crate::terminal::pty::Terminal;

/// Types the password; the store is on the screen, and nothing of what was typed is anywhere.
fn is_let_in(target: &str, question: &str) {
    let mut terminal = Terminal::auditail(&[target], (100, 24));
    terminal.see(question);
    terminal.press("nonsense\u{15}");
    terminal.press(&format!("{PASSWORD}\r"));
    terminal.see("complete to");
    terminal.press("q");
    terminal.wait("the prompt's screen", |screen| !screen.alternate_screen());
    let left = terminal.contents();
    assert!(left.contains(question), "{left}");
    assert!(
        !left.contains(PASSWORD) && !left.contains("nonsense"),
        "{left}"
    );
    assert_eq!(terminal.end(), 0);
}

fn is_refused(target: &str, question: &str, refusal: &str) {
    let mut terminal = Terminal::auditail(&[target], (100, 24));
    terminal.see(question);
    terminal.press("nonsense\r");
    terminal.see(refusal);
    terminal.press("q");
    assert_eq!(terminal.end(), 3);
    // Nobody has to answer.
    let mut terminal = Terminal::auditail(&[target], (100, 24));
    terminal.see(question);
    terminal.press("\u{3}");
    assert_eq!(terminal.end(), 130);
    let terminal = Terminal::auditail(&[target], (100, 24));
    terminal.see(question);
    terminal.signal("TERM");
    assert_eq!(terminal.end(), 143);
}

/// Without a terminal nothing is asked; the environment may answer.
fn is_not_asked(target: &str, question: &str) {
    let told = run(["count", target, "--exact"]).failed(3);
    assert!(told.contains(question), "{told}");
    let mut known = command();
    known.env("AUDITAIL_PASSWORD", PASSWORD);
    assert_eq!(finish(&mut known, ["count", target, "--exact"]).ok(), "1\n");
}

#[test]
fn postgres_asks_for_the_password_of_a_role() {
    let Some(cluster) = harness::postgres() else {
        return;
    };
    let db = cluster.database("typed");
    db.sql(CLUTCH);
    db.sql("INSERT INTO audit_events (occurred_at, details) VALUES (now(), '{}')");
    let target = db.url.replace(&format!(":{PASSWORD}@"), "@");
    let question = "asks for a password of role postgres:";
    is_let_in(&target, question);
    is_refused(&target, question, "refused the password of role postgres");
    is_not_asked(&target, question.trim_end_matches(':'));
}

#[test]
fn mongo_asks_for_the_password_of_a_user() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::Required, &[]) else {
        return;
    };
    let db = server.database("typed");
    db.insert("log", vec![nested(1, doc! {})]);
    let target = server.url_as("root@", &db.name);
    let question = "asks for a password of user root:";
    is_let_in(&target, question);
    is_refused(&target, question, "refused the password of user root");
    is_not_asked(&target, question.trim_end_matches(':'));
}
