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

/// Addresses of the web.
fn links(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    line.match_indices("http").filter_map(|(at, _)| {
        let rest = &line[at..];
        let scheme = ["https://", "http://"]
            .into_iter()
            .find(|scheme| rest.starts_with(scheme))?;
        let before = line[..at].chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"`".contains(c);
        let address = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let address = trim_sentence(address);
        (address.len() > scheme.len()).then(|| at..at + address.len())
    })
}

/// Without the punctuation of the sentence around it; a bracket stays where its partner is inside.
fn trim_sentence(address: &str) -> &str {
    let mut kept = address;
    while let Some(last) = kept.chars().next_back() {
        let of_sentence = match last {
            ')' => kept.matches('(').count() < kept.matches(')').count(),
            ']' => kept.matches('[').count() < kept.matches(']').count(),
            _ => ".,;:!?'*_".contains(last),
        };
        if !of_sentence {
            break;
        }
        kept = &kept[..kept.len() - last.len_utf8()];
    }
    kept
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
}
