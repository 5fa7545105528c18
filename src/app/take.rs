//! Taking something out of an event: onto the clipboard, or into the filter.

use crate::app::command::{Part, Polarity};
use crate::app::filter_bar::{LONGEST, term};
use crate::app::inspector::Inspector;
use crate::app::notice::Level;
use crate::app::{App, Effect};
use crate::core::event::Extent;
use crate::core::scalar::Scalar;

/// Many terminals drop clipboard texts that are longer than this, in bytes.
const CLIPBOARD: usize = 74_000;

impl App {
    pub(super) fn filter_by(&mut self, polarity: Polarity) -> Vec<Effect> {
        let tree = self.inspector.as_ref().and_then(Inspector::tree);
        let Some(term) = tree.and_then(|tree| tree.term(tree.cursor())) else {
            return Vec::new();
        };
        let text = term::join(self.filter.text(), &term, polarity);
        if text.len() > LONGEST {
            self.say_too_long("the value is too long to filter by");
            return Vec::new();
        }
        self.notify(Level::Info, format!("filter: {text}"), None);
        self.set_filter(&text)
    }

    pub(super) fn copy_part(&mut self, part: Part) -> Vec<Effect> {
        let tree = self.inspector.as_ref().and_then(Inspector::tree);
        if let Some(text) = tree.and_then(|tree| tree.copy(part)) {
            return self.copy(text);
        }
        self.notify(
            Level::Info,
            "there is nothing of this kind to copy here",
            None,
        );
        Vec::new()
    }

    pub(super) fn copy_event(&mut self, part: Part) -> Vec<Effect> {
        let Some(event) = self.timeline.selected() else {
            return Vec::new();
        };
        let id = event.id.as_str();
        let text = match part {
            Part::Term => format!("id:{}", term::literal(&Scalar::Text(id.into()))),
            Part::Json if event.payload.extent != Extent::Whole => {
                let text = "the list holds only the beginning of this record";
                self.notify(Level::Info, text, Some("open it, then y j".to_owned()));
                return Vec::new();
            }
            Part::Json => event.payload.text.to_string(),
            Part::Key | Part::Path | Part::Value => id.to_owned(),
        };
        self.copy(text)
    }

    fn copy(&mut self, text: String) -> Vec<Effect> {
        let bytes = text.len();
        let hint =
            (bytes > CLIPBOARD).then(|| "many terminals drop texts of this length".to_owned());
        let what = match text.char_indices().nth(40) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text.clone(),
        };
        let sentence = format!("sent {bytes} bytes to the terminal's clipboard (OSC 52): {what}");
        self.notify(Level::Info, sentence, hint);
        vec![Effect::Copy(text)]
    }
}
