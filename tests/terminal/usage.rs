//! From a number to its events, and from a spike to its cause.

use chrono::{Datelike as _, TimeDelta, Utc};

use crate::terminal::pty::Terminal;
use crate::terminal::store;

/// From a number to its events, twice, and out of the filter again.
#[test]
fn usage_leads_to_the_events_of_the_failing_action() {
    let (_dir, target) = store(200);
    let mut terminal = Terminal::auditail(&[&target], (120, 40));
    terminal.see("DeletePod");
    terminal.press("2");
    terminal.see("200 events");
    terminal.see("67 failures");
    terminal.press("\t\t\t");
    terminal.see("▸ actions");
    terminal.see("▌ DeletePod");
    terminal.press("\r");
    terminal.see("filter ▸ since:");
    terminal.see(" action:DeletePod");
    terminal.see("events · ");
    terminal.press("2");
    terminal.see("▸ actions");
    terminal.press("\t\t");
    terminal.see("▌ PERMISSION_DENIED");
    terminal.press("\r");
    terminal.see(" action:DeletePod status:PERMISSION_DENIED is:error");
    terminal.wait("denied events only", |screen| {
        let contents = screen.contents();
        contents.matches(" denied ").count() > 2 && !contents.contains(" ok  ")
    });
    terminal.press("x");
    terminal.press("2p");
    terminal.see("users and events by month");
    terminal.press("qq");
    assert_eq!(terminal.end(), 0);
}

/// The latest such day (0 is Monday) that is at least so many days ago.
fn latest(days_ago: i64, weekday: u32) -> String {
    let mut day = Utc::now().date_naive() - TimeDelta::days(days_ago);
    while day.weekday().num_days_from_monday() != weekday {
        day -= TimeDelta::days(1);
    }
    day.to_string()
}

/// Filters for a day, waits for its picture, and compares its highest spike with the rest.
fn differences(terminal: &mut Terminal, day: &str) -> String {
    // Control-U empties the line.
    terminal.press("f\u{15}");
    terminal.press(&format!("at:{day}"));
    terminal.press("\r");
    // The filter is seen before it runs, beside the former picture.
    terminal.see(&format!(" {day} 00:00"));
    compare(terminal)
}

fn compare(terminal: &mut Terminal) -> String {
    terminal.wait("a picture of all events", |screen| {
        let contents = screen.contents();
        contents.contains(" each  ") && !contents.contains("so far")
    });
    terminal.press("b");
    terminal.see("█ events");
    terminal.press("e");
    terminal.see("┘");
    terminal.press("d");
    terminal.wait("a comparison", |screen| {
        let contents = screen.contents();
        let ended = !contents.contains("reading, ") && !contents.contains("comparing…");
        contents.contains("▸ what is different") && ended
    });
    let contents = terminal.contents();
    terminal.press("\u{1b}");
    terminal.wait("the picture", |screen| {
        !screen.contents().contains("what is different ·")
    });
    contents
}

/// The first lines of a comparison, as far as their values.
fn found(contents: &str) -> String {
    let lines = contents
        .lines()
        .skip_while(|line| !line.contains("elsewhere points"));
    lines.skip(1).take(6).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_spike_names_its_cause_and_one_without_any_says_so() {
    // Enough that no cause is lost in chance, whatever the time of the day (`demo::causes`).
    let demo = ["demo", "--events", "100000", "--rate", "1", "--seed", "7"];
    let mut terminal = Terminal::auditail(&demo, (120, 40));
    terminal.see("complete to");
    // From the number of failures to the action that failed, and to why.
    terminal.press("2f");
    terminal.press("is:error\r");
    terminal.see("filter ▸ is:error ");
    terminal.press("\t\t\t");
    terminal.see("▸ actions");
    terminal.see("▌ ResizeHPA");
    terminal.press("\r");
    terminal.see(" action:ResizeHPA");
    let webhook = found(&compare(&mut terminal));
    assert!(webhook.contains("failed calling webhook"), "{webhook}");
    // The cluster and its namespace are the same events where hardly any other is failing.
    assert!(
        webhook.contains("prod-eu-2") || webhook.contains("checkout"),
        "{webhook}"
    );
    // A script of one person; a cluster that is too slow for everybody; a busy day.
    let script = found(&differences(&mut terminal, &latest(9, 3)));
    assert!(script.contains("jonas.weber@example.com"), "{script}");
    assert!(script.contains("DescribePod"), "{script}");
    let slow = found(&differences(&mut terminal, &latest(15, 2)));
    assert!(slow.contains("prod-ap-1"), "{slow}");
    assert!(slow.contains("DEADLINE_EXCEEDED"), "{slow}");
    let busy = differences(&mut terminal, &latest(27, 0));
    assert!(busy.contains("nothing is different here"), "{busy}");
    assert!(busy.contains("just more events"), "{busy}");
    // The brush, the picture, the program.
    terminal.press("qqq");
    assert_eq!(terminal.end(), 0);
}
