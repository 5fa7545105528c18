//! Keys that lead out of the pane, and those that can do nothing in it.

use super::opened;
use crate::app::facets::Typing;

#[test]
fn who_leaves_the_pane_has_stopped_typing() {
    for away in ["ctrl-p 'edit the filter' enter", "ctrl-p 'usage' enter"] {
        let mut rig = opened();
        rig.press("/ 'bo'").pause();
        assert!(rig.app.is_narrowing());
        rig.press(away);
        assert_eq!(rig.app.facets.typing, Typing::No, "{away}");
    }
}

#[test]
fn without_a_facet_its_keys_say_so() {
    let mut rig = opened();
    while !rig.app.facets.list.is_empty() {
        rig.press("x");
    }
    for keys in ["x", "/", "l", "h", "c", "enter"] {
        rig.press(keys);
        let said = rig.app.notices.current().map(|notice| notice.text.clone());
        let said = said.unwrap_or_default();
        assert!(said.contains("there is no facet"), "{keys}: {said}");
    }
}
