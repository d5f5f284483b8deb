-- Times are microseconds since 1970 in UTC. Small enumerations are numbers; `codes.rs` knows their words.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One namespace for people (kind 1) and groups (2). A public topic that went without a message leaves a freed name (3):
-- anyone may take it, and who makes a topic of it again continues its numbers, because devices may remember them.
CREATE TABLE names (
    name TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    id   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    display_name  TEXT NOT NULL,
    folded        TEXT NOT NULL, -- the display name in lower case, which SQLite knows only for ASCII
    email         TEXT,
    password_hash TEXT NOT NULL,
    admin         INTEGER NOT NULL,
    disabled      INTEGER NOT NULL DEFAULT 0,
    state         INTEGER,
    status_text   TEXT,
    status_until  INTEGER,
    last_seen     INTEGER,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    user       INTEGER NOT NULL REFERENCES users (id),
    device     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of ON sessions (user);

CREATE TABLE invites (
    hash       BLOB PRIMARY KEY,
    groups     TEXT NOT NULL, -- names with a space between them
    uses_left  INTEGER NOT NULL CHECK (uses_left >= 0),
    admin      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY,
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A direct conversation (kind 1) has two sides, a <= b; a group (2) or a public topic (3) has a name and a title.
CREATE TABLE conversations (
    id         INTEGER PRIMARY KEY,
    kind       INTEGER NOT NULL,
    name       TEXT,
    title      TEXT,
    creator    INTEGER REFERENCES users (id),
    a          INTEGER REFERENCES users (id),
    b          INTEGER REFERENCES users (id),
    last_seq   INTEGER NOT NULL DEFAULT 0,
    rev        INTEGER NOT NULL DEFAULT 0,
    last_place INTEGER NOT NULL DEFAULT 0, -- of the last message: ranks conversations of equal times
    last_at    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (a, b),
    CHECK ((kind = 1) = (a IS NOT NULL AND b IS NOT NULL AND a <= b)),
    CHECK ((kind = 1) = (name IS NULL))
) STRICT;
CREATE INDEX conversations_made ON conversations (creator) WHERE last_seq = 0;

-- Who left keeps the row, so that other devices are told of the leaving.
CREATE TABLE members (
    user          INTEGER NOT NULL REFERENCES users (id),
    conversation  INTEGER NOT NULL REFERENCES conversations (id),
    role          INTEGER NOT NULL,
    first_seq     INTEGER NOT NULL,
    first_rev     INTEGER NOT NULL,
    joined_rev    INTEGER NOT NULL,
    joined_order  INTEGER NOT NULL, -- below zero for who was there from the beginning
    left_seq      INTEGER,
    left_rev      INTEGER,
    read_seq      INTEGER NOT NULL,
    delivered_seq INTEGER NOT NULL,
    own_last      INTEGER NOT NULL DEFAULT 0,
    own_read      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user, conversation),
    CHECK (delivered_seq >= read_seq),
    CHECK (own_last >= own_read)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_in ON members (conversation, left_rev);

-- Memberships before the last one of the same user: with them the feed knows who a member was at any change.
CREATE TABLE stays (
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    user         INTEGER NOT NULL REFERENCES users (id),
    joined_rev   INTEGER NOT NULL,
    left_rev     INTEGER NOT NULL,
    PRIMARY KEY (conversation, user, left_rev)
) STRICT, WITHOUT ROWID;

-- Every durable change: messages (what 1), joins (2), leaves (3), roles (4). Rows are never deleted, so a place is never
-- given twice. The unique indexes hold the laws: dense numbers, and one message for one sender's id.
CREATE TABLE log (
    place        INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    rev          INTEGER NOT NULL,
    what         INTEGER NOT NULL,
    who          INTEGER NOT NULL REFERENCES users (id),
    at           INTEGER NOT NULL,
    seq          INTEGER,
    message_id   TEXT,
    fingerprint  BLOB,
    kind         TEXT, -- of a message, absent for text; of a role, the role
    text         TEXT,
    extra        TEXT, -- JSON: what few messages carry
    CHECK ((what = 1) = (seq IS NOT NULL AND message_id IS NOT NULL AND fingerprint IS NOT NULL AND text IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX log_rev ON log (conversation, rev);
CREATE UNIQUE INDEX log_seq ON log (conversation, seq) WHERE seq IS NOT NULL;
CREATE UNIQUE INDEX log_message_id ON log (who, message_id) WHERE message_id IS NOT NULL;
