//! Keys that can do nothing in the pane.

use super::opened;

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
