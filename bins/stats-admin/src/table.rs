use std::io::{self, BufWriter, Write};
use std::iter::{self, repeat_n};

use unicode_width::UnicodeWidthStr;

/// A table of text for people. It has no header if it has no rows.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// A column of a [`Table`].
pub(crate) struct Column {
    title: &'static str,
    is_number: bool,
}

impl Column {
    /// A column aligned on the left.
    pub(crate) fn text(title: &'static str) -> Self {
        Self {
            title,
            is_number: false,
        }
    }

    /// A column aligned on the right.
    pub(crate) fn number(title: &'static str) -> Self {
        Self {
            title,
            is_number: true,
        }
    }
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row, which has a cell for each column.
    pub(crate) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub(crate) fn print(&self, output: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let header: Vec<_> = self
            .columns
            .iter()
            .map(|column| column.title.to_owned())
            .collect();
        let rows = || iter::once(&header).chain(&self.rows);
        let mut widths = vec![0; self.columns.len()];
        for row in rows() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let mut output = BufWriter::new(output);
        for row in rows() {
            let mut line = String::new();
            for ((cell, column), width) in row.iter().zip(&self.columns).zip(&widths) {
                let padding = repeat_n(' ', width - cell.width());
                if column.is_number {
                    line.extend(padding);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.extend(padding);
                }
                line.push_str("  ");
            }
            writeln!(output, "{}", line.trim_end())?;
        }
        output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(rows: &[[&str; 3]]) -> String {
        let columns = vec![
            Column::text("NAME"),
            Column::number("STATS"),
            Column::text("PLACE"),
        ];
        let mut table = Table::new(columns);
        for row in rows {
            table.add(row.map(str::to_owned).to_vec());
        }
        let mut output = Vec::new();
        table.print(&mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn columns_are_aligned_by_the_width_of_the_characters() {
        let rows = [
            ["日本", "1,234,567", "local"],
            ["Économie", "0", ""],
            ["e\u{301}", "12", "remote"],
        ];
        let expected = "NAME          STATS  PLACE\n\
                        日本      1,234,567  local\n\
                        Économie          0\n\
                        e\u{301}                12  remote\n";
        assert_eq!(printed(&rows), expected);
        assert_eq!(printed(&[]), "");
    }
}
