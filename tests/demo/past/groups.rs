//! What was said in groups.

use super::When::{Ago, Day};
use super::{Line, Talk, With};

const REPRO: &str = r#"found it. The whole thing, smallest first:
```rust
/// Runs `step` until it succeeds, at most `limit` times.
fn retry<E>(limit: u32, mut step: impl FnMut() -> Result<(), E>) -> Result<(), Exhausted> {
    for attempt in 0..limit {
        if step().is_ok() {
            return Ok(());
        }
        std::thread::sleep(backoff(attempt));
    }
    Err(Exhausted { limit })
}

/// Doubles from 50 ms on, with some jitter, so that clients do not come back all at once.
fn backoff(attempt: u32) -> Duration {
    let base = Duration::from_millis(50 << attempt); // attempt 59 shifts everything out
    base.min(MAX).mul_f64(0.5 + fastrand::f64())
}

#[test]
fn retry_gives_up() {
    let mut calls = 0;
    let ended = retry(64, || {
        calls += 1;
        Err::<(), _>("no")
    });
    assert_eq!(ended, Err(Exhausted { limit: 64 }));
    assert_eq!(calls, 64);
}
```
it passes on x86 only because the tests are built without overflow checks there 🤦"#;

/// The groups.
pub(crate) const GROUPS: &[Talk] = &[
    Talk {
        topic: "deploys",
        with: With::Many {
            title: "deploys",
            members: &[
                "ben", "dana", "eli", "farah", "gus", "hana", "ivo", "jun", "kai", "lea", "ci-bot",
            ],
            public: false,
        },
        unread: 3,
        lines: &[
            Line(
                Day(6, 9, 0),
                "ben",
                "this is where releases are announced and watched. Please do not deploy on a Friday :)",
            ),
            Line(Day(6, 9, 4), "gus", "words to live by"),
            Line(Day(4, 10, 30), "ben", "1.7.8 is out in all regions"),
            Line(Day(4, 10, 31), "kai", "🚀"),
            Line(Day(4, 10, 50), "eli", "error rate 0.02 %, as before"),
            Line(Day(1, 15, 10), "ben", "1.7.9 goes to the canary now"),
            Line(
                Day(1, 15, 22),
                "eli",
                "I see timeouts in eu-west, 2 % and rising. Anybody else?",
            ),
            Line(Day(1, 15, 23), "gus", "same here, only with keep-alive off"),
            Line(
                Day(1, 15, 24),
                "ann",
                "rolling back, we look at it afterwards",
            ),
            Line(Day(1, 15, 24), "ann", "@ben please hold the other regions"),
            Line(Day(1, 15, 25), "ben", "holding"),
            Line(
                Day(1, 15, 41),
                "ci-bot",
                "rollback to 1.7.8: eu-west done, us-east done, ap-south done",
            ),
            Line(
                Day(1, 15, 58),
                "eli",
                "rollback of 1.7.9 finished, all regions healthy",
            ),
            Line(
                Day(1, 16, 0),
                "lea",
                "that was fast, I could not even open the dashboard",
            ),
            Line(
                Ago(240),
                "ben",
                "staging is green, starting the 1.8 rollout",
            ),
            Line(Ago(231), "ben", "canary at 5 %: p99 is flat"),
            Line(
                Ago(230),
                "farah",
                "the new dashboard is in this one, tell me when you see it",
            ),
            Line(Ago(212), "ben", "canary at 25 %"),
            Line(Ago(176), "dana", "one check fails on arm64, I am on it"),
            Line(Ago(169), "dana", REPRO),
            Line(Ago(167), "kai", "a shift by the attempt, a classic 😄"),
            Line(
                Ago(165),
                "ann",
                "nice find! `50u64.saturating_mul(1 << attempt.min(10))` and we never speak of it again",
            ),
            Line(
                Ago(121),
                "ci-bot",
                "build 4312 failed in 4m 7s (fix/arm64-retry): 1 of 813 tests, https://ci.acme.dev/build/4312",
            ),
            Line(Ago(119), "dana", "that one was a typo of mine"),
            Line(
                Ago(64),
                "ben",
                "canary at 50 %, still flat. I wait for the fix before the rest",
            ),
            Line(
                Ago(9),
                "ci-bot",
                "build 4313 passed in 6m 12s (fix/arm64-retry)",
            ),
            Line(
                Ago(8),
                "dana",
                "green at last 🎉 https://git.acme.dev/acme/core/pull/4312",
            ),
            Line(
                Ago(7),
                "ben",
                "@ann can you review #4312? I would like to merge it today.\nAnd who tags 1.8.1 right after?",
            ),
        ],
    },
    Talk {
        topic: "backend",
        with: With::Many {
            title: "backend team",
            members: &["ben", "dana", "gus", "kai", "lea"],
            public: false,
        },
        unread: 0,
        lines: &[
            Line(
                Day(5, 10, 0),
                "ben",
                "please welcome Léa, who starts with us today!",
            ),
            Line(Day(5, 10, 1), "kai", "ようこそ! 🎉"),
            Line(Day(5, 10, 2), "dana", "welcome!"),
            Line(Day(5, 10, 4), "lea", "thank you all :)"),
            Line(
                Day(2, 11, 0),
                "gus",
                "the migration of `sessions` is ready for review. It takes a lock for about 40 ms on a copy of production",
            ),
            Line(
                Day(2, 11, 1),
                "gus",
                "```sql\nALTER TABLE sessions ADD COLUMN last_seen timestamptz;\nCREATE INDEX CONCURRENTLY sessions_last_seen ON sessions (last_seen);\n```",
            ),
            Line(
                Day(2, 11, 16),
                "ann",
                "two steps then, the index in its own release?",
            ),
            Line(
                Day(2, 11, 18),
                "gus",
                "yes, otherwise the deploy waits for it",
            ),
            Line(
                Day(1, 12, 5),
                "kai",
                "who owns the rate limiter? It returns 503 where I would expect 429",
            ),
            Line(Day(1, 12, 9), "dana", "me, I am sorry. Fix comes today"),
            Line(
                Ago(66),
                "lea",
                "I wrote down how to run everything on a laptop: https://wiki.acme.dev/backend/local. Corrections are welcome",
            ),
            Line(
                Ago(61),
                "ann",
                "tried it on a fresh machine, works. Only `make seed` needs a running redis, I added a line",
            ),
        ],
    },
    Talk {
        topic: "oncall",
        with: With::Many {
            title: "on call",
            members: &["ben", "eli", "gus", "kai"],
            public: false,
        },
        unread: 1,
        lines: &[
            Line(
                Day(3, 9, 0),
                "gus",
                "handover: quiet week, two pages, both the disk of db-2",
            ),
            Line(Day(3, 9, 5), "eli", "taking over"),
            Line(Day(1, 15, 21), "eli", "page: eu-west timeouts. Looking"),
            Line(
                Day(1, 16, 5),
                "eli",
                "resolved by the rollback, 34 min. Post-mortem tomorrow",
            ),
            Line(
                Ago(200),
                "kai",
                "I swap Thursday for Saturday with anybody who likes concerts",
            ),
            Line(
                Ago(190),
                "eli",
                "@ann the post-mortem of 1.7.9 needs one line from you: why did the canary not see it?",
            ),
        ],
    },
    Talk {
        topic: "random",
        with: With::Many {
            title: "random",
            members: &["ben", "dana", "farah", "hana", "ivo", "kai", "lea"],
            public: true,
        },
        unread: 2,
        lines: &[
            Line(Day(7, 12, 30), "farah", "anything goes in here"),
            Line(Day(4, 12, 0), "ivo", "who took the good chair"),
            Line(Day(4, 12, 1), "farah", "the good chair chose me"),
            Line(
                Day(2, 13, 15),
                "ann",
                "the cat has learned to open the door 🐈‍⬛",
            ),
            Line(Day(2, 13, 16), "hana", "かわいい! 写真をください 📸"),
            Line(
                Day(1, 12, 40),
                "kai",
                "新しいコーヒーマシンが来ました ☕ It has a network port. Nobody plugs it in!",
            ),
            Line(
                Day(1, 12, 44),
                "lea",
                "too late: it asks for a firmware update 👩‍💻",
            ),
        ],
    },
    Talk {
        topic: "frontend",
        with: With::Many {
            title: "frontend",
            members: &["farah", "hana", "kai"],
            public: false,
        },
        unread: 0,
        lines: &[
            Line(
                Day(5, 14, 0),
                "farah",
                "one place for the dashboard and the docs",
            ),
            Line(
                Day(2, 9, 45),
                "hana",
                "the table does not fit below 80 columns, should it scroll or fold?",
            ),
            Line(Day(2, 9, 52), "farah", "fold. Nobody scrolls sideways"),
            Line(
                Day(2, 10, 2),
                "ann",
                "+1 for folding, and the first column stays",
            ),
        ],
    },
    Talk {
        topic: "rfc-0042",
        with: With::Many {
            title: "RFC 42: one timeout to rule them all",
            members: &["ben", "dana", "gus", "ivo"],
            public: true,
        },
        unread: 0,
        lines: &[
            Line(
                Day(7, 10, 0),
                "dana",
                "I propose that a request carries its deadline, and nobody sets a timeout of their own. The text: https://wiki.acme.dev/rfc/0042",
            ),
            Line(Day(7, 10, 40), "ivo", "what about clocks that differ?"),
            Line(
                Day(7, 10, 44),
                "dana",
                "the time that is left, not the time of day",
            ),
            Line(
                Day(6, 16, 30),
                "gus",
                "I like it. One question: who adds the time of the queue?",
            ),
            Line(
                Day(6, 16, 48),
                "ann",
                "the queue does, since it knows when it took the request",
            ),
        ],
    },
];
