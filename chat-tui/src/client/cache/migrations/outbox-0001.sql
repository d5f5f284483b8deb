-- What was written and is not known to be stored by the server, of all accounts of a profile.

CREATE TABLE letters (
    -- The order in which they were queued; never used twice.
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    publish TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    -- Why it will not be sent by itself; absent while it is queued.
    code TEXT,
    sentence TEXT,
    UNIQUE (account, id)
);

CREATE TABLE drafts (
    account TEXT NOT NULL,
    topic TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (account, topic)
) WITHOUT ROWID;
