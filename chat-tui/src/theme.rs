//! How things look: roles as styles of the terminal's own 16 colours, and the glyphs. Nothing is said by colour alone.

use chat_proto::{Name, PresenceState};
use ratatui::style::{Color, Modifier, Style};

/// Colours of authors: readable on light and on dark, and without cyan, which says "mine".
const AUTHORS: [Color; 8] = [
    Color::Green,
    Color::Magenta,
    Color::Blue,
    Color::Yellow,
    Color::LightMagenta,
    Color::LightBlue,
    Color::LightRed,
    Color::Red,
];

/// Roles as styles. Each is laid over the terminal's default colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Messages, names, titles.
    pub text: Style,
    /// Times, rules, states; never whole messages.
    pub quiet: Style,
    /// The selection bar, the prompt, what can be chosen.
    pub accent: Style,
    /// What wants attention: mentions.
    pub alert: Style,
    /// What went wrong.
    pub failure: Style,
    /// What was not read yet.
    pub unread: Style,
    /// Headings, and names over messages.
    pub strong: Style,
    /// Matched letters of a search: the one use of reverse video.
    pub matched: Style,
    /// One's own name.
    pub own: Style,
    /// An address that can be opened.
    pub link: Style,
    /// A piece of code.
    pub code: Style,
    author_colors: bool,
}

impl Theme {
    /// The 16 colours; `author_colors` gives each author one.
    #[must_use]
    pub const fn colors(author_colors: bool) -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            text: plain,
            quiet: plain.fg(Color::DarkGray),
            accent: plain.fg(Color::Cyan),
            alert: bold.fg(Color::Yellow),
            failure: plain.fg(Color::Red),
            unread: bold,
            strong: bold,
            matched: plain.add_modifier(Modifier::REVERSED),
            own: bold.fg(Color::Cyan),
            link: plain.add_modifier(Modifier::UNDERLINED),
            code: plain,
            author_colors,
        }
    }

    /// Without any colour (`NO_COLOR`, `TERM=dumb`): bold, underlined and reversed are all.
    #[must_use]
    pub const fn plain() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            text: plain,
            quiet: plain,
            accent: bold,
            alert: bold,
            failure: bold,
            unread: bold,
            strong: bold,
            matched: plain.add_modifier(Modifier::REVERSED),
            own: bold,
            link: plain.add_modifier(Modifier::UNDERLINED),
            code: plain,
            author_colors: false,
        }
    }

    /// What the user chose: colours at all, and colours of authors.
    #[must_use]
    pub const fn of(colors: bool, author_colors: bool) -> Self {
        match colors {
            true => Self::colors(author_colors),
            false => Self::plain(),
        }
    }

    /// The name of an author: always in the same colour.
    #[must_use]
    pub fn author(&self, name: &Name) -> Style {
        if !self.author_colors {
            return self.strong;
        }
        // FNV-1a: the same on every machine and in every version.
        let hash = name.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        // The low bits of FNV are the weakest.
        let at = (hash ^ (hash >> 16)) as usize % AUTHORS.len();
        self.strong.fg(AUTHORS[at])
    }

    /// The glyph of somebody's presence.
    #[must_use]
    pub fn presence(&self, state: PresenceState) -> Style {
        match state {
            PresenceState::Online if self.quiet == Style::new() => self.text,
            PresenceState::Online => self.text.fg(Color::Green),
            PresenceState::Away | PresenceState::Dnd => self.text,
            PresenceState::Offline => self.quiet,
        }
    }
}

/// The signs that are drawn; each set has the same meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields' names are their meanings")]
pub struct Glyphs {
    pub online: &'static str,
    pub away: &'static str,
    pub dnd: &'static str,
    pub offline: &'static str,
    pub ellipsis: &'static str,
    /// The horizontal line of days, borders and the status.
    pub rule: &'static str,
    /// The line over what is new.
    pub unread_rule: &'static str,
    /// Both sides of what is not loaded.
    pub gap_rule: &'static str,
    /// Stands before what is selected.
    pub selected: &'static str,
    /// Stands before a message that mentions one.
    pub mention: &'static str,
    /// The left side of a piece of code.
    pub code: &'static str,
    pub queued: &'static str,
    pub sending: &'static str,
    pub stored: &'static str,
    /// Delivered or read; a word says which.
    pub arrived: &'static str,
    pub failed: &'static str,
    /// Before the words that a message answers.
    pub reply: &'static str,
    pub down: &'static str,
    pub up: &'static str,
    /// Between words of one row.
    pub dot: &'static str,
    pub prompt: &'static str,
    /// The line between columns.
    pub column: &'static str,
    /// Where a column ends on a rule.
    pub column_foot: &'static str,
    pub corner_top_left: &'static str,
    pub corner_top_right: &'static str,
    pub corner_bottom_left: &'static str,
    pub corner_bottom_right: &'static str,
    /// Shown for each letter of a password.
    pub masked: &'static str,
}

impl Glyphs {
    /// The usual ones. Some are of ambiguous width: where the terminal shows them wide, [`Glyphs::ASCII`] serves.
    pub const UNICODE: Self = Self {
        online: "●",
        away: "◐",
        dnd: "⊖",
        offline: "○",
        ellipsis: "…",
        rule: "─",
        unread_rule: "╌",
        gap_rule: "┄",
        selected: "▌",
        mention: "▎",
        code: "┃",
        queued: "◷",
        sending: "↑",
        stored: "✓",
        arrived: "✓✓",
        failed: "✗",
        reply: "↳",
        down: "↓",
        up: "↑",
        dot: "·",
        prompt: "›",
        column: "│",
        column_foot: "┴",
        corner_top_left: "╭",
        corner_top_right: "╮",
        corner_bottom_left: "╰",
        corner_bottom_right: "╯",
        masked: "•",
    };

    /// Only ASCII.
    pub const ASCII: Self = Self {
        online: "*",
        away: "~",
        dnd: "-",
        offline: "o",
        ellipsis: "~",
        rule: "-",
        unread_rule: "=",
        gap_rule: ".",
        selected: ">",
        mention: "!",
        code: "|",
        queued: "o",
        sending: "^",
        stored: "v",
        arrived: "vv",
        failed: "x",
        reply: "\\",
        down: "v",
        up: "^",
        dot: "-",
        prompt: ">",
        column: "|",
        column_foot: "+",
        corner_top_left: "+",
        corner_top_right: "+",
        corner_bottom_left: "+",
        corner_bottom_right: "+",
        masked: "*",
    };

    /// The set that the user chose.
    #[must_use]
    pub const fn of(ascii: bool) -> &'static Self {
        match ascii {
            true => &Self::ASCII,
            false => &Self::UNICODE,
        }
    }

    /// Somebody's presence.
    #[must_use]
    pub const fn presence(&self, state: PresenceState) -> &'static str {
        match state {
            PresenceState::Online => self.online,
            PresenceState::Away => self.away,
            PresenceState::Dnd => self.dnd,
            PresenceState::Offline => self.offline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::width;

    #[test]
    fn x08p_without_colours_no_role_has_one() {
        let plain = Theme::plain();
        for style in [
            plain.text,
            plain.quiet,
            plain.accent,
            plain.alert,
            plain.failure,
            plain.own,
            plain.author(&Name::parse("ann").expect("a name")),
            plain.presence(PresenceState::Online),
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn authors_keep_their_colour_and_use_many() {
        let theme = Theme::colors(true);
        let style = |name: &str| theme.author(&Name::parse(name).expect("a name"));
        assert_eq!(style("ben"), style("ben"));
        let names = [
            "ann", "ben", "dana", "eli", "farah", "gus", "hana", "ivo", "jun",
        ];
        let colors: std::collections::HashSet<_> = names.map(style).into_iter().collect();
        assert!(colors.len() > 3, "{colors:?}");
        let off = Theme::colors(false);
        assert_eq!(off.author(&Name::parse("ben").expect("a name")).fg, None);
    }

    #[test]
    fn x08p_glyphs_of_both_sets_are_as_wide_as_they_look() {
        for set in [Glyphs::UNICODE, Glyphs::ASCII] {
            for glyph in [
                set.online,
                set.away,
                set.dnd,
                set.offline,
                set.rule,
                set.selected,
            ] {
                assert_eq!(width(glyph), 1, "{glyph}");
            }
            assert_eq!(width(set.arrived), 2);
        }
        assert!(Glyphs::ASCII.ellipsis.is_ascii());
    }
}
