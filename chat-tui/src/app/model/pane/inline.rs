//! What words within a line are: addresses that can be opened, and mentions.

use std::ops::Range;

use chat_proto::Name;
use unicode_segmentation::UnicodeSegmentation;

use super::row::{Piece, Tone};
use crate::text::{Shown, mention};

/// Parts of a line that are more than words, ascending.
pub(super) fn marked(line: &str, me: Option<&Name>) -> Vec<(Range<usize>, Tone)> {
    let mut found: Vec<_> = links(line).map(|range| (range, Tone::Link)).collect();
    if let Some(me) = me {
        found.extend(mention::calls(line, me).map(|range| (range, Tone::Alert)));
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

/// An address that is longer is shown as words.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// Addresses of the web. None overlaps another, and none is looked at twice: a text may be all addresses.
fn links(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut behind = 0;
    line.match_indices("http").filter_map(move |(at, _)| {
        let rest = line.get(at..).filter(|_| at >= behind)?;
        let scheme = ["https://", "http://"]
            .into_iter()
            .find(|scheme| rest.starts_with(scheme))?;
        let before = line[..at].chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"`".contains(c);
        let address = &rest[..rest.find(ends).unwrap_or(rest.len())];
        behind = at + address.len();
        if address.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        let address = trim_sentence(address);
        (address.len() > scheme.len()).then(|| at..at + address.len())
    })
}

/// Without the punctuation of the sentence around it; a bracket stays where its partner is inside.
fn trim_sentence(address: &str) -> &str {
    let count = |bracket: char| address.matches(bracket).count();
    let (mut round, mut square) = (count(')'), count(']'));
    let (round_open, square_open) = (count('('), count('['));
    address.trim_end_matches(|last: char| match last {
        ')' if round > round_open => {
            round -= 1;
            true
        }
        ']' if square > square_open => {
            square -= 1;
            true
        }
        ')' | ']' => false,
        _ => ".,;:!?'*_".contains(last),
    })
}

/// A row of a line as pieces: a grapheme has the tone of what its first byte lies in, and is never torn.
pub(super) fn pieces(
    line: &Shown<'_>,
    row: Range<usize>,
    marked: &[(Range<usize>, Tone)],
) -> Vec<Piece> {
    let within =
        |(range, _): &&(Range<usize>, Tone)| range.start < row.end && row.start < range.end;
    let mut pieces = Vec::new();
    let mut from = row.start;
    for (range, tone) in marked.iter().filter(within) {
        let start = boundary(line.as_str(), &row, range.start.max(from));
        let end = boundary(line.as_str(), &row, range.end.min(row.end));
        push(&mut pieces, line, from..start, &Tone::Text);
        push(&mut pieces, line, start..end, tone);
        from = end.max(from);
    }
    push(&mut pieces, line, from..row.end, &Tone::Text);
    pieces
}

fn push(pieces: &mut Vec<Piece>, line: &Shown<'_>, range: Range<usize>, tone: &Tone) {
    if range.start < range.end {
        pieces.push(Piece::new(line.part(range), tone.clone()));
    }
}

/// The first place between graphemes at or behind `at`.
fn boundary(text: &str, row: &Range<usize>, at: usize) -> usize {
    let ascii = |at: usize| text.as_bytes().get(at).is_none_or(u8::is_ascii);
    // Between two ASCII characters there is always a boundary; a few others join with what follows.
    if at >= row.end || (ascii(at) && ascii(at.saturating_sub(1))) {
        return at.min(row.end);
    }
    let graphemes = text[row.clone()].grapheme_indices(true);
    let starts = graphemes.map(|(start, _)| row.start + start);
    starts
        .chain([row.end])
        .find(|start| *start >= at)
        .unwrap_or(row.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<(String, Tone)> {
        let me = Name::parse("ann").expect("a name");
        let marked = marked(line, Some(&me));
        marked
            .into_iter()
            .map(|(range, tone)| (line[range].to_owned(), tone))
            .collect()
    }

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        let link = |text: &str| (text.to_owned(), Tone::Link);
        assert_eq!(
            found("see https://a.dev/x?y=1."),
            [link("https://a.dev/x?y=1")]
        );
        assert_eq!(found("(http://a.dev/b_(c))"), [link("http://a.dev/b_(c)")]);
        assert_eq!(
            found("<https://a.dev>, xhttp://no"),
            [link("https://a.dev")]
        );
        assert_eq!(found("https:// nothing"), []);
    }

    #[test]
    fn a_mention_is_a_word() {
        let alert = |text: &str| (text.to_owned(), Tone::Alert);
        assert_eq!(found("@ann can you"), [alert("@ann")]);
        assert_eq!(found("ask @Ann."), [alert("@Ann")]);
        for other in ["@anna", "@ann.b", "x@ann", "@@ann", "@anné", "ann"] {
            assert_eq!(found(other), [], "{other}");
        }
    }

    #[test]
    fn pieces_together_are_the_row_and_no_grapheme_is_torn() {
        let line = Shown::line("@ann\u{301} see https://a.dev/e\u{301} now");
        let me = Name::parse("ann").expect("a name");
        let marked = marked(line.as_str(), Some(&me));
        let all = pieces(&line, 0..line.as_str().len(), &marked);
        let text: String = all.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(text, line.as_str());
        assert!(
            all.iter()
                .all(|piece| !piece.text.as_str().starts_with('\u{301}')),
            "{all:?}"
        );
    }

    #[test]
    fn s04_a_text_of_nothing_but_addresses_is_looked_at_once() {
        let found = |text: &str| links(text).count();
        assert_eq!(found(&"http://".repeat(9_000)), 0);
        assert_eq!(found(&format!("http://x{}", ")".repeat(60_000))), 0);
        assert_eq!(found(&"http://a.dev ".repeat(5_000)), 5_000);
        let ranges: Vec<_> = links("http://a.dev/http://b.dev http://c.dev").collect();
        assert_eq!(ranges, [0..25, 26..38]);
    }

    #[test]
    fn brackets_of_the_sentence_are_no_part_of_an_address() {
        let first = |text: &str| links(text).next().map(|range| text[range].to_owned());
        assert_eq!(
            first("(see http://a.dev/x)").as_deref(),
            Some("http://a.dev/x")
        );
        assert_eq!(
            first("http://a.dev/x_(y).").as_deref(),
            Some("http://a.dev/x_(y)")
        );
        assert_eq!(
            first("[http://a.dev/[1]]").as_deref(),
            Some("http://a.dev/[1]")
        );
    }
}
