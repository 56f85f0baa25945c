-- What is still to be done outside: calls to others that are tried until they succeed, or are given up. The number of its
-- attempts is the fence of whoever runs one.
CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL,
    subject    TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    owner      TEXT NOT NULL,
    until      INTEGER NOT NULL,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_open ON jobs (kind, key) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_due ON jobs (kind, due_at) WHERE state = 'waiting';
CREATE INDEX jobs_leased ON jobs (kind, until) WHERE state = 'running';
CREATE INDEX jobs_over ON jobs (updated_at) WHERE state IN ('done', 'dead');
CREATE INDEX jobs_subject ON jobs (subject, id);

-- Up to which event jobs were derived. What happened before there were any calls for none.
CREATE TABLE outbox (
    name   TEXT PRIMARY KEY NOT NULL,
    cursor INTEGER NOT NULL
) STRICT;
INSERT INTO outbox (name, cursor) SELECT 'jobs', coalesce(max(id), 0) FROM events;

-- Where to tell of what happens. The address and the secret are encrypted.
CREATE TABLE webhooks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    app        INTEGER REFERENCES apps (id),
    kind       TEXT NOT NULL,
    events     TEXT NOT NULL,
    enabled    INTEGER NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Whom to call once something is over. The address is encrypted.
CREATE TABLE callbacks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    subject    TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX callbacks_subject ON callbacks (subject);
CREATE INDEX callbacks_created ON callbacks (created_at);
