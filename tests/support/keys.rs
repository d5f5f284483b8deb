//! Keys by their names, as a terminal sends them: `hello<enter><c-k><a-a><f1>`.

/// The bytes of keys. What stands in `<...>` is a key by its name, perhaps after `c-`, `a-` and `s-`; `<lt>` is `<`.
///
/// A lone `<esc>` that other keys follow is sent in its longer form: in one piece with them it would hold Alt.
///
/// # Panics
/// When a name is not known.
#[must_use]
pub fn bytes(keys: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = keys;
    while let Some((text, tail)) = rest.split_once('<') {
        bytes.extend_from_slice(text.as_bytes());
        let Some((name, tail)) = tail.split_once('>') else {
            panic!("a key is not closed in {keys:?}")
        };
        if name == "esc" && !tail.is_empty() {
            bytes.extend_from_slice(b"\x1b[27u");
        } else {
            bytes.extend(key(name));
        }
        rest = tail;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Which of Control, Alt and Shift is held.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    control: bool,
    alt: bool,
    shift: bool,
}

impl Held {
    /// The number by which terminals say it.
    fn number(self) -> u8 {
        1 + u8::from(self.shift) + 2 * u8::from(self.alt) + 4 * u8::from(self.control)
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut held = Held::default();
    let mut base = name;
    loop {
        base = match base.split_at_checked(2) {
            Some(("c-", rest)) if !rest.is_empty() => {
                held.control = true;
                rest
            }
            Some(("a-", rest)) if !rest.is_empty() => {
                held.alt = true;
                rest
            }
            Some(("s-", rest)) if !rest.is_empty() => {
                held.shift = true;
                rest
            }
            _ => break,
        };
    }
    let mut chars = base.chars();
    match (chars.next(), chars.next()) {
        (Some(letter), None) => character(letter, held),
        _ => named(base, held),
    }
}

fn character(letter: char, held: Held) -> Vec<u8> {
    let mut bytes = Vec::new();
    if held.alt {
        bytes.push(0x1b);
    }
    let letter = if held.shift {
        letter.to_ascii_uppercase()
    } else {
        letter
    };
    if held.control {
        let byte = u8::try_from(letter).expect("Control goes with ASCII");
        bytes.push(byte.to_ascii_uppercase() & 0x1f);
    } else {
        bytes.extend(letter.to_string().into_bytes());
    }
    bytes
}

fn named(name: &str, held: Held) -> Vec<u8> {
    let number = held.number();
    let plain = |bytes: &str| match held.alt {
        true => format!("\x1b{bytes}").into_bytes(),
        false => bytes.as_bytes().to_vec(),
    };
    match name {
        "enter" if held.shift || held.control => format!("\x1b[13;{number}u").into_bytes(),
        "tab" if held.shift => b"\x1b[Z".to_vec(),
        "enter" => plain("\r"),
        "tab" => plain("\t"),
        "bs" => plain("\x7f"),
        "esc" => plain("\x1b"),
        "space" if held.control => vec![0],
        "space" => plain(" "),
        "lt" => plain("<"),
        "up" => letter('A', number),
        "down" => letter('B', number),
        "right" => letter('C', number),
        "left" => letter('D', number),
        "home" => letter('H', number),
        "end" => letter('F', number),
        "f1" => letter('P', number),
        "f2" => letter('Q', number),
        "f3" => letter('R', number),
        "f4" => letter('S', number),
        "ins" => tilde(2, number),
        "del" => tilde(3, number),
        "pgup" => tilde(5, number),
        "pgdn" => tilde(6, number),
        "f5" => tilde(15, number),
        "f6" => tilde(17, number),
        "f7" => tilde(18, number),
        "f8" => tilde(19, number),
        "f9" => tilde(20, number),
        "f10" => tilde(21, number),
        "f11" => tilde(23, number),
        "f12" => tilde(24, number),
        _ => panic!("no key is called <{name}>"),
    }
}

fn letter(last: char, number: u8) -> Vec<u8> {
    match (last, number) {
        ('P'..='S', 1) => format!("\x1bO{last}").into_bytes(),
        (last, 1) => format!("\x1b[{last}").into_bytes(),
        (last, number) => format!("\x1b[1;{number}{last}").into_bytes(),
    }
}

fn tilde(code: u8, number: u8) -> Vec<u8> {
    match number {
        1 => format!("\x1b[{code}~").into_bytes(),
        number => format!("\x1b[{code};{number}~").into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn keys_are_sent_as_a_terminal_sends_them() {
        assert_eq!(bytes("hi<enter>"), b"hi\r");
        assert_eq!(bytes("<c-k><a-a><a-s-a>"), b"\x0b\x1ba\x1bA");
        assert_eq!(
            bytes("<up><c-up><f1><f12>"),
            b"\x1b[A\x1b[1;5A\x1bOP\x1b[24~"
        );
        assert_eq!(
            bytes("<pgup><a-enter><s-enter>"),
            b"\x1b[5~\x1b\r\x1b[13;2u"
        );
        assert_eq!(bytes("a<lt>b<c-_><space>"), b"a<b\x1f ");
        assert_eq!(bytes("<esc>q"), b"\x1b[27uq");
        assert_eq!(bytes("q<esc>"), b"q\x1b");
    }
}
