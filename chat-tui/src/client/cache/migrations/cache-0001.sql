-- The local copy of one user's conversations. All of it can be had from the server again.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE conversations (
    -- Stands for the name in the other tables, which keeps their rows short.
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    -- The change that the title is from; an older one does not replace it.
    title_rev INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL,
    -- Whether the server listed it; until then its kind is a guess.
    listed INTEGER NOT NULL DEFAULT 0,
    first_seq INTEGER NOT NULL DEFAULT 0,
    last_seq INTEGER NOT NULL DEFAULT 0,
    read_seq INTEGER NOT NULL DEFAULT 0,
    -- Everything up to this change is here, or is known not to be had; absent where nobody said so.
    have INTEGER,
    -- When the last message was sent.
    last_chat INTEGER NOT NULL DEFAULT 0,
    -- What the server counted: of the messages above counted_read up to counted_last so many are one's own.
    counted_read INTEGER NOT NULL DEFAULT 0,
    counted_last INTEGER NOT NULL DEFAULT 0,
    counted_own INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX conversations_by_chat ON conversations (last_chat DESC, topic);

-- How far the others are.
CREATE TABLE marks (
    conversation INTEGER NOT NULL,
    name TEXT NOT NULL,
    read_seq INTEGER NOT NULL DEFAULT 0,
    delivered_seq INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, name)
) WITHOUT ROWID;

CREATE TABLE messages (
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    id TEXT NOT NULL,
    sender TEXT NOT NULL,
    display_name TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    own INTEGER NOT NULL,
    mention INTEGER NOT NULL,
    text TEXT NOT NULL,
    -- The rarer fields as JSON; absent where there are none.
    more TEXT,
    -- 0 as sent, else when it was edited; a deletion is the last there is.
    version INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;

CREATE INDEX own_messages ON messages (conversation, seq) WHERE own;
CREATE INDEX mentions ON messages (conversation, seq) WHERE mention;

-- Changes of members and of the group, as they came.
CREATE TABLE changes (
    conversation INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (conversation, rev)
) WITHOUT ROWID;
