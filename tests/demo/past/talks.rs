//! What the visitor and one other said to each other.

use super::When::{Ago, Day};
use super::{Line, Talk, With};

/// The direct conversations.
pub(crate) const TALKS: &[Talk] = &[
    Talk {
        topic: "ben",
        with: With::One,
        unread: 2,
        lines: &[
            Line(
                Day(2, 10, 12),
                "ben",
                "do you have a minute for the release notes?",
            ),
            Line(Day(2, 10, 15), "ann", "sure, send me what you have"),
            Line(
                Day(2, 10, 31),
                "ben",
                "here we go:\n- retries are bounded now\n- `deploy --canary 5` takes a percentage\n- the dashboard shows p99 for each region",
            ),
            Line(
                Day(2, 10, 44),
                "ann",
                "reads well. I would put the canary first, that is what people wait for",
            ),
            Line(Day(2, 10, 45), "ben", "good point, done"),
            Line(
                Day(1, 16, 2),
                "ann",
                "rollback of 1.7.9 went fine, by the way. No page since",
            ),
            Line(Day(1, 16, 9), "ben", "phew. Thanks for staying on it!"),
            Line(Ago(95), "ann", "how is the canary?"),
            Line(Ago(94), "ben", "boring, the way I like it"),
            Line(
                Ago(4),
                "ben",
                "did you see the graph? p99 halved 📉\nhttps://grafana.acme.dev/d/latency/overview?from=now-6h&to=now&var-region=all",
            ),
            Line(Ago(2), "ben", "and: coffee later?"),
        ],
    },
    Talk {
        topic: "dana",
        with: With::One,
        unread: 1,
        lines: &[
            Line(
                Day(1, 14, 20),
                "dana",
                "the arm64 runner is acting up again",
            ),
            Line(Day(1, 14, 22), "ann", "the same test as last week?"),
            Line(
                Day(1, 14, 23),
                "dana",
                "yes, `retry_gives_up`. I can make it fail one time in thirty",
            ),
            Line(Day(1, 14, 40), "ann", "then it is not the runner :)"),
            Line(Ago(170), "ann", "any luck with it?"),
            Line(
                Ago(168),
                "dana",
                "found it. I posted the repro in #deploys, it is embarrassing",
            ),
            Line(
                Ago(18),
                "dana",
                "the fix is on fix/arm64-retry, would you have a look before ben merges it?",
            ),
        ],
    },
    Talk {
        topic: "eli",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(3, 9, 30),
                "eli",
                "I take the pager this week, is there anything I should know?",
            ),
            Line(
                Day(3, 9, 41),
                "ann",
                "the disk of db-2 fills by about 1 % a day. There is a ticket, no need to wake anybody before 90 %",
            ),
            Line(Day(3, 9, 42), "eli", "👌"),
            Line(
                Ago(185),
                "eli",
                "db-2 is at 84 %, all as you said. Off for a walk",
            ),
        ],
    },
    Talk {
        topic: "farah",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(2, 15, 0),
                "farah",
                "new empty states for the dashboard: https://design.acme.dev/f/3141/empty-states",
            ),
            Line(
                Day(2, 15, 26),
                "ann",
                "love the second one. The first looks like an error to me",
            ),
            Line(
                Day(2, 15, 28),
                "farah",
                "you are not the first to say so 😅 out it goes",
            ),
            Line(
                Ago(292),
                "farah",
                "second round is up, only if you have time",
            ),
            Line(Ago(290), "ann", "looks great, ship it"),
        ],
    },
    Talk {
        topic: "gus",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(1, 16, 55),
                "gus",
                "I am out tomorrow. The runbook for the failover is in the wiki now",
            ),
            Line(Day(1, 17, 1), "ann", "you are a star, enjoy the day!"),
        ],
    },
    Talk {
        topic: "ci-bot",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(3, 11, 8),
                "ci-bot",
                "your build 4290 failed in 3m 40s (retry-limits)\n```\nerror[E0308]: mismatched types\n  --> src/retry.rs:41:18\n   |\n41 |     backoff.wait(attempt)\n   |             ---- ^^^^^^^ expected `u32`, found `usize`\n```\nhttps://ci.acme.dev/build/4290",
            ),
            Line(
                Day(3, 11, 31),
                "ci-bot",
                "your build 4291 passed in 6m 2s (retry-limits)",
            ),
            Line(
                Day(1, 13, 12),
                "ci-bot",
                "your build 4302 passed in 5m 58s (rollback-1.7.9)",
            ),
        ],
    },
    Talk {
        topic: "hana",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(3, 16, 10),
                "hana",
                "会議のメモを共有します 📝 https://notes.acme.dev/weekly",
            ),
            Line(
                Day(3, 16, 18),
                "ann",
                "thank you! I add the open points tonight",
            ),
        ],
    },
    Talk {
        topic: "ivo",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(4, 14, 50),
                "ivo",
                "last day before the holiday, is anything of mine open?",
            ),
            Line(
                Day(4, 14, 58),
                "ann",
                "only the comment on rfc-0042, and that can wait. Have a good time!",
            ),
            Line(Day(4, 15, 0), "ivo", "🏖️"),
        ],
    },
    Talk {
        topic: "lea",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(5, 10, 5),
                "lea",
                "bonjour! I am new in the backend team. ben says you know where the bodies are buried",
            ),
            Line(
                Day(5, 10, 9),
                "ann",
                "welcome, Léa! Mostly in `legacy/`, and there is a map in the wiki",
            ),
        ],
    },
    Talk {
        topic: "jun",
        with: With::One,
        unread: 0,
        lines: &[
            Line(
                Day(8, 11, 20),
                "ann",
                "where did we put the load test of last spring?",
            ),
            Line(
                Day(8, 11, 38),
                "jun",
                "bench/spring, with a README. From Monday on I am on leave, ask kai",
            ),
        ],
    },
];
