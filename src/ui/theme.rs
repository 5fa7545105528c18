//! Roles and the styles a theme gives them.
//!
//! Knows no colour by itself: they come from `themes/*.toml` through [`load`].

pub mod depth;
pub mod load;

use ratatui::style::Style;

pub use depth::Depth;

macro_rules! roles {
    ($($role:ident $name:literal $about:literal,)*) => {
        /// What a part of the screen is. A theme must say for each how it looks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Role {
            $(#[doc = $about] $role,)*
        }

        impl Role {
            /// Every role with its name in theme files and what it is for.
            pub const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$role, $name, $about),)*];
        }
    };
}

roles! {
    Text "text" "Ordinary text.",
    Dim "dim" "Separators, hints, units.",
    Brand "brand" "The program's name.",
    Title "title" "Title of a pane without the keys.",
    TitleFocus "title-focus" "Title of the pane that has the keys.",
    Rule "rule" "Lines between panes.",
    RuleFocus "rule-focus" "Lines of the pane that has the keys.",
    Selection "selection" "The selected line of the pane that has the keys.",
    SelectionIdle "selection-idle" "The selected line of another pane.",
    Popup "popup" "Suggestions under the filter.",
    Match "match" "What was searched for or typed.",
    Prompt "prompt" "In front of a line of text.",
    Key "key" "A key to press.",
    Time "time" "Times.",
    Day "day" "The line where a day begins.",
    Actor "actor" "Who.",
    Action "action" "What was done.",
    Service "service" "Where it belongs.",
    Resource "resource" "To what it was done.",
    Ok "ok" "Done.",
    Failed "failed" "Tried and gone wrong.",
    Denied "denied" "Refused.",
    Pending "pending" "Not finished.",
    Unknown "unknown" "The store does not say.",
    Bar "bar" "Events over time.",
    BarFailed "bar-failed" "Failed and denied events over time.",
    JsonKey "json-key" "Keys of a record.",
    JsonText "json-text" "Strings of a record.",
    JsonNumber "json-number" "Numbers of a record.",
    JsonWord "json-word" "true, false and null in a record.",
    Live "live" "Following works.",
    Paused "paused" "Following is paused, or new events wait.",
    Hostile "hostile" "Characters from outside that a terminal would obey or hide.",
    Warning "warning" "Something to know.",
    Error "error" "Something that does not work.",
}

/// Which characters the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Lines, blocks and everything else.
    Unicode,
    /// ASCII only.
    Ascii,
}

/// How everything looks.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
    /// Which characters may be used.
    pub glyphs: Glyphs,
}

impl Theme {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The same theme with colours that a terminal of this depth has.
    #[must_use]
    pub fn at(mut self, depth: Depth) -> Self {
        for style in &mut self.styles {
            style.fg = style.fg.map(|color| depth.nearest(color));
            style.bg = style.bg.map(|color| depth.nearest(color));
        }
        self
    }

    /// The same theme with these characters.
    #[must_use]
    pub fn with(mut self, glyphs: Glyphs) -> Self {
        self.glyphs = glyphs;
        self
    }
}

#[cfg(test)]
mod tests;
