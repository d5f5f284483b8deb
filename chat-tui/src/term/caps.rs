//! What the terminal can, as far as the environment says and the terminal answers. Nobody waits for an answer.

use ratatui::style::{Color, Modifier};

use super::event::Answer;
use super::guard::Ask;

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: bold and underline only.
    None,
    /// The terminal's own sixteen.
    Ansi16,
    /// The palette of xterm.
    Ansi256,
    /// All.
    True,
}

/// Which signs stand for states and rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// The nicer ones; each is one cell wide.
    Unicode,
    /// Letters and punctuation: the nicer ones are missing or two cells wide here.
    Ascii,
}

/// What the terminal can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// How many colours.
    pub depth: Depth,
    /// Which signs.
    pub glyphs: Glyphs,
    /// Text beyond ASCII can be written.
    pub utf8: bool,
    /// Signs of ambiguous width take two cells.
    pub ambiguous_wide: bool,
    /// It scrolls a band of rows.
    pub scroll: bool,
    /// It scrolls a band of rows within some columns; known when it has answered.
    pub margins: bool,
    /// It shows a frame as a whole when asked to; one that cannot ignores the wish.
    pub sync: bool,
    /// It can be asked questions without showing them.
    pub answers: bool,
}

impl Default for Caps {
    /// A terminal as most are.
    fn default() -> Self {
        Self {
            depth: Depth::Ansi256,
            glyphs: Glyphs::Unicode,
            utf8: true,
            ambiguous_wide: false,
            scroll: true,
            margins: false,
            sync: true,
            answers: true,
        }
    }
}

impl Caps {
    /// What the environment of this process says.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from_env(|name| std::env::var(name).ok())
    }

    /// What an environment says.
    #[must_use]
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        let term = var("TERM").unwrap_or_else(|| "dumb".into());
        let simple = matches!(
            term.as_str(),
            "dumb" | "linux" | "vt100" | "vt220" | "cons25"
        );
        let apple = var("TERM_PROGRAM").is_some_and(|name| name == "Apple_Terminal");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| var(name));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        let utf8 = ["utf-8", "utf8"].iter().any(|name| locale.contains(name));
        let cjk = ["zh", "ja", "ko"]
            .iter()
            .any(|language| locale.starts_with(language));
        Self {
            depth: depth(&term, &var),
            // The console's font has a few hundred signs, and ours are not among them.
            glyphs: if utf8 && !cjk && !matches!(term.as_str(), "dumb" | "linux") {
                Glyphs::Unicode
            } else {
                Glyphs::Ascii
            },
            // Without a word on it (a container) the terminal is most likely a UTF-8 one all the same.
            utf8: utf8 || !locale.contains('.'),
            ambiguous_wide: cjk,
            scroll: !simple,
            margins: false,
            sync: !simple,
            answers: !simple && !apple,
        }
    }

    /// Which questions are worth asking.
    #[must_use]
    pub fn asks(&self) -> Vec<Ask> {
        if self.answers {
            vec![Ask::Margins, Ask::Background]
        } else {
            Vec::new()
        }
    }

    /// Takes what the terminal answered.
    pub fn learn(&mut self, answer: Answer) {
        if let Answer::Margins(can) = answer {
            self.margins = can;
        }
    }
}

fn depth(term: &str, var: &impl Fn(&str) -> Option<String>) -> Depth {
    if var("NO_COLOR").is_some() || var("CLICOLOR").is_some_and(|value| value == "0") {
        return Depth::None;
    }
    let many = var("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
    let known = [
        "direct",
        "kitty",
        "alacritty",
        "ghostty",
        "wezterm",
        "foot",
        "contour",
    ];
    match term {
        "dumb" | "vt100" | "vt220" => Depth::None,
        _ if many || known.iter().any(|name| term.contains(name)) => Depth::True,
        _ if term.contains("256") => Depth::Ansi256,
        _ => Depth::Ansi16,
    }
}

impl Depth {
    /// The nearest colour that there is.
    #[must_use]
    pub fn color(self, color: Color) -> Color {
        match (self, color) {
            (Self::None, _) => Color::Reset,
            (Self::Ansi256, Color::Rgb(red, green, blue)) => {
                Color::Indexed(nearest_256(red, green, blue))
            }
            (Self::Ansi16, Color::Rgb(red, green, blue)) => {
                Color::Indexed(nearest_16(red, green, blue))
            }
            (Self::Ansi16, Color::Indexed(index @ 16..)) => {
                let (red, green, blue) = rgb_256(index);
                Color::Indexed(nearest_16(red, green, blue))
            }
            (_, color) => color,
        }
    }

    /// The attributes that are worn at this depth. Nothing ever blinks; what is bold is not dim, since some
    /// terminals have one strength where others have two attributes.
    #[must_use]
    pub fn modifier(self, modifier: Modifier) -> Modifier {
        let mut modifier = modifier - (Modifier::SLOW_BLINK | Modifier::RAPID_BLINK);
        if modifier.contains(Modifier::BOLD) {
            modifier -= Modifier::DIM;
        }
        if self != Self::None {
            return modifier;
        }
        let kept = modifier & (Modifier::BOLD | Modifier::UNDERLINED);
        if modifier.contains(Modifier::REVERSED) {
            kept | Modifier::UNDERLINED
        } else {
            kept
        }
    }
}

/// The six steps of the cube of xterm.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn nearest_256(red: u8, green: u8, blue: u8) -> u8 {
    let step = |value: u8| -> u8 {
        match value {
            0..48 => 0,
            48..115 => 1,
            _ => (value - 35) / 40,
        }
    };
    let (r, g, b) = (step(red), step(green), step(blue));
    let cube = 16 + 36 * r + 6 * g + b;
    let mean = (u16::from(red) + u16::from(green) + u16::from(blue)) / 3;
    let grey = u8::try_from(mean.saturating_sub(3) / 10)
        .unwrap_or(23)
        .min(23)
        + 232;
    let far = |index| distance(rgb_256(index), (red, green, blue));
    if far(grey) < far(cube) { grey } else { cube }
}

fn rgb_256(index: u8) -> (u8, u8, u8) {
    match index {
        0..16 => ANSI[usize::from(index)],
        16..232 => {
            let at = index - 16;
            let step = |digit: u8| STEPS[usize::from(digit % 6)];
            (step(at / 36), step(at / 6), step(at))
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// The sixteen as xterm shows them; themes differ, hues do not.
const ANSI: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

fn nearest_16(red: u8, green: u8, blue: u8) -> u8 {
    let far = |index: &u8| distance(ANSI[usize::from(*index)], (red, green, blue));
    (0..16).min_by_key(far).unwrap_or_default()
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(env: &[(&str, &str)]) -> Caps {
        Caps::from_env(|name| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn colours_are_as_many_as_the_environment_says() {
        let depth = |env: &[(&str, &str)]| caps(env).depth;
        assert_eq!(depth(&[("TERM", "xterm")]), Depth::Ansi16);
        assert_eq!(depth(&[("TERM", "xterm-256color")]), Depth::Ansi256);
        assert_eq!(
            depth(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]),
            Depth::True
        );
        assert_eq!(depth(&[("TERM", "xterm-kitty")]), Depth::True);
        assert_eq!(
            depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]),
            Depth::None
        );
        assert_eq!(
            depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]),
            Depth::Ansi256
        );
        assert_eq!(depth(&[("TERM", "xterm"), ("CLICOLOR", "0")]), Depth::None);
        assert_eq!(depth(&[("TERM", "dumb")]), Depth::None);
        assert_eq!(depth(&[]), Depth::None);
    }

    #[test]
    fn signs_are_ascii_where_others_are_missing_or_wide() {
        let term = ("TERM", "xterm");
        let of = |name, value| caps(&[term, (name, value)]);
        assert_eq!(of("LANG", "de_DE.UTF-8").glyphs, Glyphs::Unicode);
        assert_eq!(of("LC_ALL", "C.utf8").glyphs, Glyphs::Unicode);
        assert_eq!(of("LANG", "ja_JP.UTF-8").glyphs, Glyphs::Ascii);
        assert!(of("LANG", "ja_JP.UTF-8").ambiguous_wide);
        assert_eq!(of("LANG", "C").glyphs, Glyphs::Ascii);
        let console = [("TERM", "linux"), ("LANG", "en_GB.UTF-8")];
        assert_eq!(caps(&console).glyphs, Glyphs::Ascii);
        assert!(of("LANG", "C").utf8);
        assert!(!of("LANG", "de_DE.ISO-8859-1").utf8);
    }

    #[test]
    fn a_console_is_asked_nothing() {
        assert_eq!(caps(&[("TERM", "linux")]).asks(), []);
        assert_eq!(
            caps(&[("TERM", "xterm"), ("TERM_PROGRAM", "Apple_Terminal")]).asks(),
            []
        );
        assert!(!caps(&[("TERM", "xterm")]).asks().is_empty());
    }

    #[test]
    fn a_colour_becomes_the_nearest_that_there_is() {
        let red = Color::Rgb(250, 5, 5);
        assert_eq!(Depth::True.color(red), red);
        assert_eq!(Depth::Ansi256.color(red), Color::Indexed(196));
        assert_eq!(Depth::Ansi16.color(red), Color::Indexed(9));
        assert_eq!(Depth::Ansi16.color(Color::Cyan), Color::Cyan);
        assert_eq!(Depth::None.color(Color::Cyan), Color::Reset);
        assert_eq!(
            Depth::Ansi256.color(Color::Rgb(118, 118, 118)),
            Color::Indexed(243)
        );
    }

    #[test]
    fn without_colours_there_is_bold_and_underline_only() {
        let all = Modifier::all();
        let some = Modifier::BOLD | Modifier::UNDERLINED;
        assert_eq!(Depth::None.modifier(all), some);
        assert_eq!(
            Depth::None.modifier(Modifier::REVERSED),
            Modifier::UNDERLINED
        );
        assert!(!Depth::True.modifier(all).contains(Modifier::SLOW_BLINK));
    }
}
