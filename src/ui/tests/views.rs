//! Saved views, as a terminal would show them.

use super::{pressed, snapshot};
use crate::app::Msg;
use crate::app::rig::Rig;
use crate::app::view::{Named, Tab, View};

fn with_views(keys: &str) -> Rig {
    let mut rig = pressed(60, "");
    let view = |name: &str, filter: &str, tab| Named {
        name: name.to_owned(),
        view: View {
            filter: filter.to_owned(),
            tab,
            ..View::default()
        },
    };
    let all = vec![
        view(
            "failures of ci",
            "user:ci-bot is:error since:-24h",
            Tab::Events,
        ),
        view("everything, by month", "", Tab::Usage),
        view("who\u{1b}[2J", "user:alice", Tab::Events),
    ];
    rig.tell(Msg::Views(all, None));
    rig.press(keys);
    rig
}

#[test]
fn views_are_picked_named_and_deleted() {
    snapshot("views", || with_views("v"));
    snapshot("views_narrowed", || with_views("v 'ci' ctrl-x"));
    snapshot("view_name", || with_views("V 'failures of ci'"));
    snapshot("view_copied", || with_views("f 'user:alice' enter Y"));
}
