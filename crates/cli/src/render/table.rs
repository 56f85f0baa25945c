//! Tables without lines, as `kubectl` prints them.

use std::fmt;

use comfy_table::presets::NOTHING;

/// Spaces between two columns.
const GAP: u16 = 3;

/// A table with a header.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    pub(crate) fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_header(header);
        Self(table)
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = self.0.clone();
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        if table.row_count() == 0 {
            return Ok(());
        }
        f.write_str(&table.trim_fmt())
    }
}
