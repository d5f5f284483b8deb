-- What stands for a session in a URL, once and for half a minute. The ids give the order in which they were made.
CREATE TABLE tickets (
    id      INTEGER PRIMARY KEY,
    hash    BLOB NOT NULL UNIQUE,
    session TEXT NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tickets_of ON tickets (session);
