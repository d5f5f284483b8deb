//! From where `tail` begins: a number, a time, a while ago, or the beginning.

use chat_proto::{Message, Seq, Time};

use super::span;

/// From where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// The messages above a number.
    Seq(Seq),
    /// The messages from an instant on.
    Time(Time),
    /// The messages of the last so many seconds.
    Ago(i64),
    /// All that one may read.
    All,
}

impl Since {
    /// Reads `12`, `2026-11-21T08:15:30Z`, `10m`, `all`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(Seq(seq)));
        }
        if let Ok(span) = span::parse(text) {
            return Ok(Self::Ago(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)));
        }
        Time::parse(text).map(Self::Time).map_err(|_| {
            "since when: a message's number, a time as 2026-11-21T08:15:30Z, a while as 10m, or all"
                .to_owned()
        })
    }

    /// The same, with an instant in place of a while.
    pub(super) fn at(self, now: Time) -> Self {
        match self {
            Self::Ago(seconds) => Self::Time(now.plus_seconds(seconds.saturating_neg())),
            fixed => fixed,
        }
    }

    /// Whether a message is wanted.
    pub(super) fn wants(self, message: &Message) -> bool {
        match self {
            Self::Seq(seq) => message.seq > seq,
            Self::Time(time) => message.sent_at >= time,
            Self::Ago(_) | Self::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k03_since_is_a_number_a_time_a_while_or_all() {
        let noon = Time::parse("2026-11-21T12:00:00Z").expect("a time");
        for (text, since) in [
            ("all", Since::All),
            ("0", Since::Seq(Seq(0))),
            ("12", Since::Seq(Seq(12))),
            ("10m", Since::Ago(600)),
            ("2026-11-21T12:00:00Z", Since::Time(noon)),
            ("2026-11-21T13:00:00+01:00", Since::Time(noon)),
        ] {
            assert_eq!(Since::parse(text), Ok(since), "{text}");
        }
        assert!(Since::parse("yesterday").is_err());
        assert_eq!(
            Since::Ago(600).at(noon),
            Since::Time(Time::parse("2026-11-21T11:50:00Z").expect("a time"))
        );
    }
}
