//! Where the parts of the screen are, as far as keys and the mouse need to know. Filled in by what
//! draws; knows nothing of drawing.

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// First column.
    pub x: u16,
    /// First row.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Area {
    /// Whether a cell lies within.
    pub fn contains(self, column: u16, row: u16) -> bool {
        (self.x..self.x + self.width).contains(&column)
            && (self.y..self.y + self.height).contains(&row)
    }
}

/// Which reports, or facets, are on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sections(u32);

impl Sections {
    /// One more is.
    pub fn insert(&mut self, number: usize) {
        self.0 |= 1_u32
            .checked_shl(u32::try_from(number).unwrap_or(u32::MAX))
            .unwrap_or(0);
    }

    /// Whether one is.
    pub fn contains(self, number: usize) -> bool {
        u32::try_from(number).is_ok_and(|number| self.0.checked_shr(number).unwrap_or(0) & 1 == 1)
    }
}

/// The parts of the last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// Lines of the event list.
    pub list: Area,
    /// Lines of the inspector's tree; empty when it is closed.
    pub inspector: Area,
    /// Lines of the inspector's node under the cursor that do not fit below.
    pub below: usize,
    /// The filter's text.
    pub filter: Area,
    /// Bars of the histogram.
    pub histogram: Area,
    /// Lines of the facets; empty when they are not shown.
    pub facets: Area,
    /// The facets among these lines.
    pub seen_facets: Sections,
    /// Lines of what is different.
    pub contrast: Area,
    /// Reports of the Usage tab.
    pub sections: Sections,
    /// Lines of the Usage tab.
    pub usage: Area,
    /// Lines of the list of archives.
    pub archives: Area,
    /// Lines of the topmost text to read.
    pub reader: Area,
}
