//! Views that are opened, saved, picked, deleted and copied.

use chrono_tz::Tz;

use crate::app::inquiry::{Told, Wanted};
use crate::app::rig::{NOW, Rig, events, settings};
use crate::app::usage::By;
use crate::app::view::anchor::Anchor;
use crate::app::view::{Named, Opening, Tab, View};
use crate::app::{Answer, App, Effect, Msg, Overlay, Page};
use crate::core::calendar::Period;

fn named(name: &str, view: View) -> Named {
    Named {
        name: name.to_owned(),
        view,
    }
}

fn failures() -> View {
    View {
        filter: "is:error".to_owned(),
        event: None,
        columns: vec!["at".to_owned(), ".details.status.code".to_owned()],
        tab: Tab::Usage,
        period: Some(Period::Month),
        by: By::Groups,
        tz: Some(Tz::Asia__Kolkata),
        zone: Some(Tz::Europe__Berlin),
    }
}

/// Of a screen that knows a group.
fn grouped() -> crate::app::Settings {
    let groups = crate::core::group::Groups::parse(b"alice,ops\n", "groups.csv");
    let mut settings = settings();
    settings.groups = Some(std::sync::Arc::new(groups.expect("a table")));
    settings
}

/// A screen that opens like this.
fn opened(opening: Opening) -> Rig {
    let mut settings = grouped();
    settings.opening = opening;
    Rig::of(App::new(settings), events(40))
}

fn told(rig: &Rig) -> String {
    let texts: Vec<_> = (rig.app.notices.all())
        .map(|notice| notice.text.clone())
        .collect();
    texts.join("; ")
}

#[test]
fn the_screen_opens_at_a_view_and_says_which_one_it_shows() {
    let view = failures();
    let rig = opened(Opening {
        view: view.clone(),
        ..Opening::default()
    });
    assert_eq!(rig.app.view(), view);
    assert_eq!(rig.app.question.text, "is:error");
    assert_eq!(rig.app.page, Page::Usage);
    assert!(rig.app.timeline.len() < 40);
    assert_eq!(told(&rig), "");
}

#[test]
fn a_store_opens_as_it_was_left_and_says_so() {
    let mut rig = opened(Opening {
        view: failures(),
        left: Some(NOW),
        ..Opening::default()
    });
    let said = told(&rig);
    assert!(
        said.starts_with("as left 2026-01-15 13:04 Europe/Berlin"),
        "{said}"
    );
    assert!(said.ends_with("x removes the filter"), "{said}");
    rig.press("x");
    assert_eq!(rig.app.view().filter, "");
}

/// What is selected, and whether that is followed.
fn looked_at(rig: &Rig) -> (String, bool) {
    let event = rig.app.timeline.selected().expect("an event");
    (event.id.as_str().to_owned(), rig.app.is_following())
}

#[test]
fn a_store_opens_at_the_event_that_was_looked_at() {
    let mut rig = Rig::new(events(1_500));
    assert_eq!(rig.app.view().event, None);
    // Far from the first page.
    rig.press("f 'user:alice' enter g g j j");
    let (id, _) = looked_at(&rig);
    rig.press("Y");
    assert!(told(&rig).contains(&format!("Z/{id} ")), "{}", told(&rig));
    let view = rig.app.view();
    let again = |view: View| {
        let mut settings = settings();
        settings.opening = Opening {
            view,
            left: Some(NOW),
            words: settings.opening.words,
            ..Opening::default()
        };
        Rig::of(App::new(settings), events(1_500))
    };
    let mut rig = again(view.clone());
    assert_eq!(looked_at(&rig), (id.clone(), false));
    assert!(
        told(&rig).contains("G goes to the newest"),
        "{}",
        told(&rig)
    );
    // There are events on both sides.
    rig.press("k");
    assert!(looked_at(&rig).0.parse::<u32>().ok() < id.parse::<u32>().ok());
    rig.press("G");
    assert!(looked_at(&rig).1);
    // A saved view is for events to come.
    rig.press("k V 'a' enter");
    let saved = rig.effects.iter().find_map(|effect| match effect {
        Effect::SaveView(named) => Some(named.view.event.clone()),
        _ => None,
    });
    assert_eq!(saved, Some(None));
    // It waits for a filter that only the records make valid, and is missed where it is gone.
    let rig = again(View {
        filter: "details.user_name:alice".to_owned(),
        ..view.clone()
    });
    assert_eq!(looked_at(&rig), (id, false));
    let rig = again(View {
        filter: "user:bob".to_owned(),
        ..view
    });
    assert!(looked_at(&rig).1);
    assert!(told(&rig).contains("not among these"), "{}", told(&rig));
}

#[test]
fn a_filter_that_means_nothing_any_more_is_shown_and_not_run() {
    let rig = opened(Opening {
        view: View {
            filter: "usr:alice".to_owned(),
            ..View::default()
        },
        left: Some(NOW),
        trouble: Some("sessions:3: rubbish".to_owned()),
        ..Opening::default()
    });
    assert_eq!(rig.app.filter.text(), "usr:alice");
    assert!(rig.app.filter.is_invalid());
    assert_eq!(rig.app.question.text, "");
    assert_eq!(rig.app.timeline.len(), 40);
    assert!(told(&rig).contains("sessions:3: rubbish"), "{}", told(&rig));
}

#[test]
fn a_view_is_saved_under_a_name_and_picked_by_it() {
    let mut rig = Rig::of(App::new(grouped()), events(40));
    rig.press("v");
    assert!(
        told(&rig).contains("no view is saved yet"),
        "{}",
        told(&rig)
    );
    rig.press("f 'user:alice' enter V")
        .press("'of alice' enter");
    let saved = rig.effects.drain(..).find_map(|effect| match effect {
        Effect::SaveView(named) => Some(*named),
        _ => None,
    });
    let saved = saved.expect("an effect");
    assert_eq!(
        (saved.name.as_str(), saved.view.filter.as_str()),
        ("of alice", "user:alice")
    );
    let others = named("failures", failures());
    rig.tell(Msg::Views(vec![saved, others], Some("saved".to_owned())));
    rig.press("x v 'fail' enter");
    assert_eq!(rig.app.view(), failures());
    rig.press("v 'alice' enter");
    let view = rig.app.view();
    assert_eq!(
        (view.filter.as_str(), view.tab),
        ("user:alice", Tab::Events)
    );
    // Without a name there is nothing to find again.
    rig.press("V enter");
    assert!(
        !rig.effects
            .iter()
            .any(|effect| matches!(effect, Effect::SaveView(_)))
    );
}

#[test]
fn a_view_is_deleted_when_that_is_asked_for_twice_in_a_row() {
    let mut rig = Rig::new(events(3));
    let all = ["a", "b"].map(|name| named(name, View::default()));
    rig.tell(Msg::Views(all.to_vec(), None));
    let left = |rig: &Rig| {
        let names = rig.app.views.saved.iter().map(|named| named.name.clone());
        names.collect::<Vec<_>>().concat()
    };
    rig.press("v ctrl-x down up ctrl-x");
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
    rig.press("ctrl-x");
    assert!(matches!(&rig.effects[..], [.., Effect::DeleteView(name)] if name == "a"));
    // What the file does not let go of stays on offer.
    rig.tell(Msg::Trouble(
        "the view is not deleted: read-only".to_owned(),
    ));
    assert_eq!(left(&rig), "ab");
    rig.press("ctrl-x ctrl-x");
    rig.tell(Msg::Views(all[1..].to_vec(), Some("deleted a".to_owned())));
    assert_eq!(left(&rig), "b");
    assert!(matches!(rig.app.overlays.last(), Some(Overlay::Picker(_))));
    // The one after it is chosen next, not the first.
    let more = ["a", "b", "c", "d"].map(|name| named(name, View::default()));
    rig.tell(Msg::Views(more.to_vec(), None));
    rig.press("down");
    rig.tell(Msg::Views(
        [&more[..1], &more[2..]].concat(),
        Some("deleted b".to_owned()),
    ));
    rig.press("ctrl-x ctrl-x");
    assert!(matches!(&rig.effects[..], [.., Effect::DeleteView(name)] if name == "c"));
    rig.tell(Msg::Views(all[1..].to_vec(), None));
    rig.press("ctrl-x ctrl-x");
    assert!(matches!(&rig.effects[..], [.., Effect::DeleteView(name)] if name == "b"));
    rig.tell(Msg::Views(Vec::new(), Some("deleted b".to_owned())));
    assert!(rig.app.overlays.is_empty());
}

#[test]
fn a_command_line_for_this_view_is_copied_and_shown() {
    let mut rig = Rig::new(events(3));
    rig.press("f 'user:alice' enter 2 p Y");
    let expected =
        "auditail postgres://prod --filter user:alice --tab usage --period month --tz UTC";
    assert!(
        matches!(&rig.effects[..], [.., Effect::Copy(line)] if line == expected),
        "{:?}",
        rig.effects
    );
    assert!(told(&rig).contains(expected), "{}", told(&rig));
    rig.press("1 C 'user' enter esc Y");
    assert!(
        told(&rig).contains("--columns at,outcome,action,resource --period"),
        "{}",
        told(&rig)
    );
    // A text that means nothing opens nothing.
    rig.press("f ' x:' esc esc Y");
    assert!(told(&rig).contains("not now"), "{}", told(&rig));
}

#[test]
fn an_event_that_is_found_late_moves_nobody_who_has_gone_elsewhere() {
    for keys in ["f 'user:nobody-else' enter", "G"] {
        let mut rig = opened(Opening::default());
        let event = rig.events[3].clone();
        rig.app.views.event = Some(Anchor::of(&event));
        let [Effect::Inquiry(Wanted::Seek(generation, _))] = rig.app.seek_anchor()[..] else {
            panic!("it is not looked for");
        };
        // Who leaves now comes back there.
        assert_eq!(rig.app.view().event, Some(Anchor::of(&event)));
        rig.press(keys);
        assert_eq!(rig.app.view().event, None, "{keys}");
        let told = Told::Sought(Ok(Some(Box::new(event.clone()))));
        rig.tell(Msg::Answer(generation, Answer::Inquiry(told)));
        assert!(rig.app.is_following(), "{keys}");
    }
}
