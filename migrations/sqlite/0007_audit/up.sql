-- Who changed what. `mac` is over what the row says, and is written with it; `number` and `hash` are its place in the
-- chain, which the sealer gives it later. `before` and `after` are JSON, with secrets as fingerprints.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    proof       TEXT NOT NULL,
    credential  TEXT NOT NULL,
    action      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    object      TEXT NOT NULL,
    app         INTEGER,
    environment INTEGER,
    request     TEXT NOT NULL,
    message     TEXT NOT NULL,
    before      TEXT,
    after       TEXT,
    mac         BLOB NOT NULL,
    number      INTEGER,
    hash        BLOB
) STRICT;
CREATE UNIQUE INDEX audit_number ON audit (number) WHERE number IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (id) WHERE number IS NULL;
CREATE INDEX audit_object ON audit (object, id);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_app ON audit (app, id) WHERE app IS NOT NULL;

-- People who were seen through the code host, by the number of their account. `role` is empty where they have none.
CREATE TABLE people (
    account       INTEGER PRIMARY KEY NOT NULL,
    login         TEXT NOT NULL,
    name          TEXT,
    role          TEXT NOT NULL,
    teams         TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL
) STRICT;
