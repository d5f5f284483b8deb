//! What the terminal writes with: colours and attributes, and the shortest change from one to another.

use std::fmt::Write as _;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use super::super::caps::Depth;

/// Colours and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct Pen {
    pub(in super::super) foreground: Color,
    pub(in super::super) background: Color,
    pub(in super::super) modifier: Modifier,
}

/// The attributes that are seen on nothing.
const SEEN_ON_SPACE: Modifier = Modifier::UNDERLINED
    .union(Modifier::REVERSED)
    .union(Modifier::CROSSED_OUT);

/// The attributes, what sets and what ends each; bold and dim end together.
const ATTRIBUTES: [(Modifier, u8, u8); 7] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl Pen {
    /// The terminal's own.
    pub(in super::super) const PLAIN: Self = Self {
        foreground: Color::Reset,
        background: Color::Reset,
        modifier: Modifier::empty(),
    };

    /// That of a cell, as far as the terminal has it.
    pub(super) fn of(cell: &Cell, depth: Depth) -> Self {
        Self {
            foreground: depth.color(cell.fg),
            background: depth.color(cell.bg),
            modifier: depth.modifier(cell.modifier),
        }
    }

    /// What is seen of it on a space.
    pub(super) fn of_space(self) -> Self {
        let modifier = self.modifier & SEEN_ON_SPACE;
        Self {
            foreground: if modifier.is_empty() {
                Color::Reset
            } else {
                self.foreground
            },
            modifier,
            ..self
        }
    }

    /// Whether a space that is written with this looks as one with `other` does.
    pub(super) fn spaces_as(self, other: Self) -> bool {
        self.of_space() == other.of_space()
    }

    /// Writes the shortest change from `before` (none: unknown) to this.
    pub(super) fn write(self, before: Option<Self>, bytes: &mut Vec<u8>) {
        if before == Some(self) {
            return;
        }
        let anew = self.since(Self::PLAIN);
        let anew = match anew.as_str() {
            "" => String::new(),
            some => format!("0;{some}"),
        };
        let parameters = match before.map(|before| self.since(before)) {
            Some(change) if change.len() <= anew.len() => change,
            _ => anew,
        };
        bytes.extend_from_slice(b"\x1b[");
        bytes.extend_from_slice(parameters.as_bytes());
        bytes.push(b'm');
    }

    /// The parameters that make this of `before`.
    fn since(self, before: Self) -> String {
        let mut parameters = String::new();
        let mut had = before.modifier;
        let gone = had - self.modifier;
        for (modifier, _, end) in ATTRIBUTES {
            if gone.contains(modifier) && had.contains(modifier) {
                add(&mut parameters, format_args!("{end}"));
                had -= modifier;
                if end == 22 {
                    had -= Modifier::BOLD | Modifier::DIM;
                }
            }
        }
        for (modifier, begin, _) in ATTRIBUTES {
            if (self.modifier - had).contains(modifier) {
                add(&mut parameters, format_args!("{begin}"));
            }
        }
        if self.foreground != before.foreground {
            color(&mut parameters, self.foreground, 0);
        }
        if self.background != before.background {
            color(&mut parameters, self.background, 10);
        }
        parameters
    }
}

fn add(parameters: &mut String, parameter: std::fmt::Arguments<'_>) {
    if !parameters.is_empty() {
        parameters.push(';');
    }
    // Writing to a string cannot fail.
    let _ = parameters.write_fmt(parameter);
}

/// Adds the parameters of a colour; `more` is ten for that of the background.
fn color(parameters: &mut String, color: Color, more: u8) {
    let index = match color {
        Color::Reset => return add(parameters, format_args!("{}", 39 + more)),
        Color::Rgb(red, green, blue) => {
            let rgb = format_args!("{};2;{red};{green};{blue}", 38 + more).to_string();
            return add(parameters, format_args!("{rgb}"));
        }
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    match index {
        0..8 => add(parameters, format_args!("{}", 30 + more + index)),
        8..16 => add(parameters, format_args!("{}", 82 + more + index)),
        _ => add(parameters, format_args!("{};5;{index}", 38 + more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOLD: Pen = Pen {
        modifier: Modifier::BOLD,
        ..Pen::PLAIN
    };
    const BOLD_RED: Pen = Pen {
        foreground: Color::Red,
        ..BOLD
    };
    const DIM: Pen = Pen {
        modifier: Modifier::DIM,
        ..Pen::PLAIN
    };

    fn change(before: Option<Pen>, after: Pen) -> String {
        let mut bytes = Vec::new();
        after.write(before, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn only_what_changes_is_written() {
        assert_eq!(change(Some(BOLD), BOLD), "");
        assert_eq!(change(Some(BOLD), BOLD_RED), "\x1b[31m");
        assert_eq!(change(Some(Pen::PLAIN), BOLD_RED), "\x1b[1;31m");
        assert_eq!(change(Some(BOLD_RED), Pen::PLAIN), "\x1b[m");
        assert_eq!(change(Some(BOLD_RED), BOLD), "\x1b[39m");
        assert_eq!(change(None, Pen::PLAIN), "\x1b[m");
        assert_eq!(change(None, BOLD), "\x1b[0;1m");
    }

    #[test]
    fn bold_and_dim_end_together() {
        let both = Pen {
            modifier: Modifier::BOLD | Modifier::DIM,
            ..Pen::PLAIN
        };
        assert_eq!(change(Some(both), DIM), "\x1b[0;2m");
        let red = Pen {
            foreground: Color::Rgb(1, 2, 3),
            ..both
        };
        let dim = Pen {
            modifier: Modifier::DIM,
            ..red
        };
        assert_eq!(change(Some(red), dim), "\x1b[22;2m");
    }

    #[test]
    fn colours_have_their_shortest_form() {
        let of = |foreground, background| Pen {
            foreground,
            background,
            ..Pen::PLAIN
        };
        let from = |pen| change(Some(Pen::PLAIN), pen);
        assert_eq!(from(of(Color::DarkGray, Color::Reset)), "\x1b[90m");
        assert_eq!(from(of(Color::Indexed(9), Color::White)), "\x1b[91;107m");
        assert_eq!(from(of(Color::Indexed(99), Color::Reset)), "\x1b[38;5;99m");
        assert_eq!(
            from(of(Color::Reset, Color::Rgb(1, 2, 3))),
            "\x1b[48;2;1;2;3m"
        );
    }
}
