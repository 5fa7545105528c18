//! A view that is saved, left, found again, picked and copied, in a real terminal.

use tempfile::TempDir;

use super::pty::Terminal;
use super::store;

const SIZE: (u16, u16) = (120, 40);

#[test]
fn a_store_opens_as_it_was_left_and_at_saved_views() {
    let (_dir, target) = store(60);
    let home = TempDir::new().expect("a directory");
    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see(" 60 · ");
    terminal.press("fis:denied\r");
    terminal.see("20 of ");
    terminal.press("Vthe denied\r");
    terminal.see("saved as the denied in ");
    terminal.press("x");
    terminal.see(" 60 · ");
    terminal.press("f-user:alice\r");
    terminal.see("1 of ");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see("filter ▸ -user:alice");
    terminal.see("as left ");
    terminal.see("x removes the filter");
    terminal.see("1 of ");
    terminal.press("v");
    terminal.see("saved views");
    terminal.press("denied\r");
    terminal.see("filter ▸ is:denied");
    terminal.see("20 of ");
    terminal.press("Y");
    let line = format!("auditail {target} --filter is:denied --tz UTC");
    terminal.see(&format!("copied: {line}"));
    assert_eq!(terminal.copied().as_deref(), Some(line.as_str()));
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    let fresh = [target.as_str(), "--fresh"];
    let mut terminal = Terminal::auditail_at(home.path(), &fresh, SIZE);
    terminal.see(" 60 · ");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    let at_view = [target.as_str(), "--view", "the denied", "--tab", "usage"];
    let mut terminal = Terminal::auditail_at(home.path(), &at_view, SIZE);
    terminal.see("is:denied");
    terminal.see("20 failures");
    terminal.press("qq");
    assert_eq!(terminal.end(), 0);

    let unknown = [target.as_str(), "--view", "the denid"];
    let terminal = Terminal::auditail_at(home.path(), &unknown, SIZE);
    terminal.see("there is no view named the denid");
    terminal.see("did you mean the denied?");
    assert_eq!(terminal.end(), 2);
}

#[test]
fn columns_are_chosen_saved_and_seen_again() {
    let (_dir, target) = store(60);
    let home = TempDir::new().expect("a directory");
    let header = |screen: &vt100::Screen| {
        let contents = screen.contents();
        let names = [" at ", "outcome", "resource", ".details.status.code"];
        let mut lines = contents.lines();
        lines.any(|line| names.iter().all(|name| line.contains(name)) && !line.contains("action"))
    };
    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see(" 60 · ");
    terminal.press("C");
    terminal.see("columns of the list");
    terminal.press(".details.status.code\r");
    terminal.see("6 .details.status.code");
    // Over the resource, and the action away.
    terminal.press("<");
    terminal.see("5 .details.status.code");
    terminal.press("\u{15}action\r\u{1b}");
    terminal.wait("the chosen columns", header);
    terminal.press("Vcodes\r");
    terminal.see("saved as codes in ");
    terminal.press("Y");
    let columns = "at,outcome,user,.details.status.code,resource";
    let line = format!("auditail {target} --filter '' --columns {columns} --tz UTC");
    terminal.see("copied: ");
    assert_eq!(terminal.copied().as_deref(), Some(line.as_str()));
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    // As it was left, by the view's name, and by the copied line.
    let copied = [&target, "--filter", "", "--columns", columns, "--tz", "UTC"];
    for arguments in [
        &[target.as_str()][..],
        &[&target, "--view", "codes"],
        &copied,
    ] {
        let mut terminal = Terminal::auditail_at(home.path(), arguments, SIZE);
        terminal.wait("the columns again", header);
        terminal.press("q");
        assert_eq!(terminal.end(), 0);
    }

    let plain = [target.as_str(), "--view", "codes", "--columns", "at,usr"];
    let mut terminal = Terminal::auditail_at(home.path(), &plain, SIZE);
    terminal.see("there is no field `usr` · did you mean `user`?");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_store_opens_at_the_event_that_was_looked_at() {
    let (_dir, target) = store(3_000);
    let home = TempDir::new().expect("a directory");
    let selected = |screen: &vt100::Screen| {
        let contents = screen.contents();
        let mut lines = contents.lines();
        contents.contains("events · paused") && lines.any(|line| line.starts_with("▌00:00:02.000"))
    };
    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see(" 3,000 · ");
    // Farther back than the first page.
    terminal.press("gg");
    terminal.see("▌00:00:00.000");
    terminal.press("jj");
    terminal.wait("the third event", selected);
    terminal.press("Y");
    terminal.see("copied: ");
    let event = "--event=2026-01-01T00:00:02.000000Z/2";
    let line = format!("auditail {target} --filter '' {event} --tz UTC");
    assert_eq!(terminal.copied().as_deref(), Some(line.as_str()));
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see("G goes to the newest");
    terminal.wait("the third event again", selected);
    terminal.press("G");
    terminal.see("events · following");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    // Who has followed follows.
    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see(" 3,000 · ");
    terminal.see("events · following");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    for event in [event, "--event=2"] {
        let mut terminal = Terminal::auditail_at(home.path(), &[&target, event], SIZE);
        terminal.wait("the event of the link", selected);
        terminal.press("q");
        assert_eq!(terminal.end(), 0);
    }
}
