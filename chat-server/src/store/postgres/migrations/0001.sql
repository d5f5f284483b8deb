-- Times are microseconds since 1970 in UTC. Small enumerations are numbers; `codes.rs` knows their words. Texts by which
-- something is found or sorted compare by their bytes, whatever the locale of the server.

-- One namespace for people (kind 1) and groups (2). A public topic that went without a message leaves a freed name (3):
-- anyone may take it, and who makes a topic of it again continues its numbers, because devices may remember them.
CREATE TABLE names (
    name TEXT COLLATE "C" PRIMARY KEY,
    kind BIGINT NOT NULL,
    id   BIGINT NOT NULL
);

CREATE TABLE users (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          TEXT COLLATE "C" NOT NULL UNIQUE,
    display_name  TEXT NOT NULL,
    folded        TEXT COLLATE "C" NOT NULL, -- the display name in lower case
    email         TEXT,
    password_hash TEXT NOT NULL,
    admin         BOOLEAN NOT NULL,
    disabled      BOOLEAN NOT NULL DEFAULT false,
    state         BIGINT,
    status_text   TEXT,
    status_until  BIGINT,
    last_seen     BIGINT,
    created_at    BIGINT NOT NULL
);

CREATE TABLE sessions (
    id         TEXT COLLATE "C" PRIMARY KEY,
    who        BIGINT NOT NULL REFERENCES users (id),
    device     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL
);
CREATE INDEX sessions_of ON sessions (who);

-- What stands for a session in a URL, once and for half a minute. The ids give the order in which they were made.
CREATE TABLE tickets (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash    BYTEA NOT NULL UNIQUE,
    session TEXT COLLATE "C" NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX tickets_of ON tickets (session);

CREATE TABLE invites (
    hash       BYTEA PRIMARY KEY,
    groups     TEXT NOT NULL, -- names with a space between them
    uses_left  BIGINT NOT NULL CHECK (uses_left >= 0),
    admin      BOOLEAN NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid        TEXT COLLATE "C" PRIMARY KEY,
    secret     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- A direct conversation (kind 1) has two sides, a <= b; a group (2) or a public topic (3) has a name and a title.
-- Its row is the lock under which its numbers are given, and no column that a message changes is in an index, so that
-- the new version of the row stays on its page.
CREATE TABLE conversations (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       BIGINT NOT NULL,
    name       TEXT COLLATE "C",
    title      TEXT,
    creator    BIGINT REFERENCES users (id),
    a          BIGINT REFERENCES users (id),
    b          BIGINT REFERENCES users (id),
    last_seq   BIGINT NOT NULL DEFAULT 0,
    rev        BIGINT NOT NULL DEFAULT 0,
    last_place BIGINT NOT NULL DEFAULT 0, -- the row of the last message in the log: ranks conversations of equal times
    last_at    BIGINT NOT NULL DEFAULT 0,
    seats      BIGINT NOT NULL DEFAULT 0, -- grows with every change of the members or their roles
    UNIQUE (a, b),
    CHECK ((kind = 1) = (a IS NOT NULL AND b IS NOT NULL AND a <= b)),
    CHECK ((kind = 1) = (name IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX conversations_made ON conversations (creator);

-- Who left keeps the row, so that other devices are told of the leaving.
CREATE TABLE members (
    who           BIGINT NOT NULL REFERENCES users (id),
    conversation  BIGINT NOT NULL REFERENCES conversations (id),
    role          BIGINT NOT NULL,
    first_seq     BIGINT NOT NULL,
    first_rev     BIGINT NOT NULL,
    joined_rev    BIGINT NOT NULL,
    joined_order  BIGINT NOT NULL, -- below zero for who was there from the beginning
    left_seq      BIGINT,
    left_rev      BIGINT,
    read_seq      BIGINT NOT NULL,
    delivered_seq BIGINT NOT NULL,
    own_last      BIGINT NOT NULL DEFAULT 0,
    own_read      BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (who, conversation),
    CHECK (delivered_seq >= read_seq),
    CHECK (own_last >= own_read)
) WITH (fillfactor = 80);
CREATE INDEX members_in ON members (conversation, left_rev);

-- Memberships before the last one of the same user: with them the feed knows who a member was at any change.
CREATE TABLE stays (
    conversation BIGINT NOT NULL REFERENCES conversations (id),
    who          BIGINT NOT NULL REFERENCES users (id),
    joined_rev   BIGINT NOT NULL,
    left_rev     BIGINT NOT NULL,
    PRIMARY KEY (conversation, who, left_rev)
);

-- Every durable change: messages (what 1), joins (2), leaves (3), roles (4). Rows are never deleted. The unique indexes
-- hold the laws: dense numbers, and one message for one sender's id. `txn` is the transaction that wrote the row: ids are
-- given before the commit, so the feed orders by both, and reads only below the oldest transaction that still runs.
-- There are no foreign keys: to check one locks the row that it names, which is a write of its own for every message, and
-- no user and no conversation is ever deleted.
CREATE TABLE log (
    id           BIGINT GENERATED ALWAYS AS IDENTITY,
    txn          BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    conversation BIGINT NOT NULL,
    rev          BIGINT NOT NULL,
    what         BIGINT NOT NULL,
    who          BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    seq          BIGINT,
    message_id   TEXT COLLATE "C",
    fingerprint  BYTEA,
    kind         TEXT, -- of a message, absent for text; of a role, the role
    text         TEXT,
    extra        TEXT, -- JSON: what few messages carry
    PRIMARY KEY (conversation, rev),
    CHECK ((what = 1) = (seq IS NOT NULL AND message_id IS NOT NULL AND fingerprint IS NOT NULL AND text IS NOT NULL))
);
CREATE UNIQUE INDEX log_seq ON log (conversation, seq) WHERE seq IS NOT NULL;
CREATE UNIQUE INDEX log_message_id ON log (who, message_id) WHERE message_id IS NOT NULL;
CREATE UNIQUE INDEX log_place ON log (txn, id);
