-- What people have run: one-off runs, and commands inside instances. Values of variables are not in it.
CREATE TABLE runs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    run         TEXT NOT NULL UNIQUE,
    app         INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    worker      TEXT,
    image       TEXT,
    instance    TEXT,
    node        TEXT NOT NULL,
    git_commit  TEXT,
    command     TEXT NOT NULL,
    attendance  TEXT NOT NULL,
    actor       TEXT NOT NULL,
    begun_at    INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    ended_at    INTEGER,
    exit_code   INTEGER,
    what        TEXT,
    log_tail    TEXT
) STRICT;
CREATE INDEX runs_standing ON runs (environment) WHERE ended_at IS NULL;
CREATE INDEX runs_ended ON runs (ended_at);
