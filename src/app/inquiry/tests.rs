use super::*;
use crate::app::inquiry::compare::{Known, Line};
use crate::app::rig::{Rig, event, events, record};
use crate::core::instant::At;

fn compare(rig: &Rig) -> &Compare {
    let top = rig.app.overlays.last();
    if let Some(Overlay::Panel(panel)) = top
        && let Panel::Compare(compare) = &**panel
    {
        return compare;
    }
    panic!("{top:?}");
}

/// What the panel says: the ids of both events and the lines.
fn said(rig: &Rig) -> Vec<String> {
    let open = compare(rig);
    let Known::Pair(pair) = &open.known else {
        return vec![format!("{:?}", open.known)];
    };
    let names = open.names;
    let heading = format!(
        "{} {} / {} {}",
        names[0], pair.before.id, names[1], pair.after.id
    );
    let line = |line: Line<'_>| match line {
        Line::Row(row) => format!("{:?} {}", row.change, row.path),
        Line::Same(count) => format!("{count} same"),
    };
    std::iter::once(heading)
        .chain(open.lines().into_iter().map(line))
        .collect()
}

#[test]
fn the_marked_event_is_compared_with_the_selected_one_the_earlier_first() {
    let mut rig = Rig::new(events(40));
    rig.press("d");
    let notice = rig.app.notices.current().expect("a notice");
    assert_eq!(notice.text, "no other event is marked");
    rig.press("m 'odd one' enter");
    assert_eq!(rig.app.inquiry.marks.all()[0].note, "odd one");
    // Not with itself.
    rig.press("d");
    assert_eq!(rig.state(), "following 40/40 list");
    rig.press("k d");
    let lines = said(&rig);
    assert_eq!(lines[0], "selected 39 / marked ◆ 40");
    assert!(
        lines.contains(&"Changed details.user_name".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"1 same".to_owned()), "{lines:?}");
    let folded = lines.len();
    rig.press("u");
    assert!(said(&rig).len() > folded);
    rig.press("q");
    assert_eq!(rig.state(), "paused+0 39/40 list");
}

#[test]
fn an_event_is_compared_with_the_one_before_on_the_same_resource() {
    let mut all = events(5);
    all.push(event(3, -5_000, "zoe", "Login", 0));
    all[5].id = crate::core::event::EventId::new("30");
    let mut rig = Rig::new(all);
    // Whatever the filter hides.
    rig.press("f 'user:alice' enter D");
    assert_eq!(said(&rig)[0], "before 30 / selected 3");
    rig.press("q x g g D");
    assert!(
        said(&rig)[0].contains("no earlier event"),
        "{:?}",
        said(&rig)
    );
    let mut rig = Rig::new(vec![record(1, At::Absent, r#"{"user_name":"a"}"#)]);
    rig.press("D");
    let notice = rig.app.notices.current().expect("a notice");
    assert_eq!(notice.text, "this event does not say what it was done to");
}

#[test]
fn a_purged_event_and_an_answer_that_comes_late_say_so() {
    let mut rig = Rig::new(events(10));
    rig.press("m enter k");
    rig.events.retain(|event| event.id.as_str() != "10");
    rig.press("d");
    assert!(said(&rig)[0].contains("purged"), "{:?}", said(&rig));
    rig.press("q");
    rig.silent = true;
    rig.press("D");
    let Some(Effect::Inquiry(Wanted::Compare(generation, ..))) = rig.effects.pop() else {
        panic!("{:?}", rig.effects);
    };
    rig.press("q");
    let late = Told::Compared(Ok(Compared::NoEarlier));
    rig.tell(crate::app::Msg::Answer(
        generation,
        crate::app::Answer::Inquiry(late),
    ));
    assert!(rig.app.overlays.is_empty());
}
