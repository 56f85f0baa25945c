-- Keys that tokens of sessions are signed with, encrypted; a new one each day.
CREATE TABLE signing_keys (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    sealed  BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

-- Sessions that were ended before their time, until that is over.
CREATE TABLE revoked_sessions (
    id         TEXT PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
