//! Columns of text.

use crate::status::PluginState;
use std::{fmt::Write as _, io::IsTerminal};

/// Rows of cells; in colour only where people look at them.
pub(super) struct Table {
    is_coloured: bool,
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// Whether colours are wanted there: on a terminal, unless somebody says no (<https://no-color.org>).
pub(super) fn is_coloured(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}

/// A text and its colour.
pub(super) struct Cell {
    text: String,
    colour: Option<Colour>,
}

/// A colour of the terminal, by its ANSI code (ECMA-48).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
    Dim = 2,
}

impl Colour {
    /// A text in this colour.
    pub(super) fn paint(self, text: &str) -> String {
        format!("\x1b[{}m{text}\x1b[0m", self as u8)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            colour: None,
        }
    }
}

impl Cell {
    /// A text in a colour.
    pub(super) const fn coloured(text: String, colour: Colour) -> Self {
        Self {
            text,
            colour: Some(colour),
        }
    }

    /// A state, in the colour of its meaning.
    pub(super) fn state(state: PluginState) -> Self {
        let colour = match state {
            PluginState::Running => Colour::Green,
            PluginState::Failed | PluginState::Blocked => Colour::Red,
            PluginState::Disabled | PluginState::Stopped => Colour::Dim,
            _ => Colour::Yellow,
        };
        Self::coloured(state.to_string(), colour)
    }
}

impl Table {
    /// For people or programs that read it there.
    pub(super) fn new(header: &[&'static str], to: &impl IsTerminal) -> Self {
        Self {
            is_coloured: is_coloured(to),
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// All of it, a line for each row.
    pub(super) fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.text.chars().count()).max();
            widest.unwrap_or(0).max(self.header[column].len())
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let mut text = String::new();
        let header = self.header.iter().map(|name| (*name, Some(Colour::Dim)));
        self.line(&mut text, &widths, header);
        for row in &self.rows {
            self.line(
                &mut text,
                &widths,
                row.iter().map(|cell| (&*cell.text, cell.colour)),
            );
        }
        text
    }

    fn line<'a>(
        &self,
        text: &mut String,
        widths: &[usize],
        cells: impl Iterator<Item = (&'a str, Option<Colour>)>,
    ) {
        let mut line = String::new();
        let mut gap = 0;
        for ((cell, colour), width) in cells.zip(widths) {
            line.extend(std::iter::repeat_n(' ', gap));
            match colour.filter(|_| self.is_coloured) {
                Some(colour) => line.push_str(&colour.paint(cell)),
                None => line.push_str(cell),
            }
            gap = width.saturating_sub(cell.chars().count()) + 2;
        }
        _ = writeln!(text, "{}", line.trim_end());
    }
}
