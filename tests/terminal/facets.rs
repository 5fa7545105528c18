//! Facets in a real terminal: from a value into the filter, out of it, and to a rare one.

use super::DEMO;
use super::pty::Terminal;

/// What stands in the columns of the facets.
fn pane(screen: &vt100::Screen) -> Vec<String> {
    let contents = screen.contents();
    let lines = contents.lines();
    lines.map(|line| line.chars().take(32).collect()).collect()
}

#[test]
fn values_go_into_the_filter_from_the_side() {
    let mut terminal = Terminal::auditail(&DEMO, (120, 40));
    terminal.see("● live");
    terminal.press("s");
    terminal.see("▸ facets");
    // With its bar: half-drawn, the pane still has lines of events with her name.
    terminal.wait("numbers of users", |screen| {
        let is_counted = |line: &String| line.contains("maya.l") && line.contains('█');
        pane(screen).iter().any(is_counted)
    });
    terminal.press("j");
    terminal.press("\r");
    terminal.see("filter ▸ user:");
    terminal.see("▌✓ ");
    terminal.press("j-");
    terminal.see(" -user:");
    terminal.see("▌- ");

    terminal.press("a");
    terminal.see("┌─ facet");
    terminal.press("status.code\r");
    terminal.see("▾ .details.status.code");

    // Back to the users; one of them by a part of the name, in either case.
    terminal.press("gg/GRACE");
    terminal.see("/ GRACE");
    terminal.wait("one user", |screen| {
        let pane = pane(screen);
        let at = pane.iter().position(|line| line.contains("/ GRACE"));
        at.is_some_and(|at| pane[at + 1].contains("grace.k") && pane[at + 2].trim().is_empty())
    });
    terminal.press("\rj\r");
    terminal.see("grace.kim@example.com)");
    terminal.press("\u{1b}");
    terminal.wait("the line has gone", |screen| {
        !screen.contents().contains("/ GRACE")
    });
    terminal.press("s");
    terminal.wait("no facets", |screen| {
        !screen.contents().contains("▸ facets")
    });
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}
