-- The number that the process of a singleton is handed. None: it was started without one, and no node program stops it.
ALTER TABLE intents ADD COLUMN fence INTEGER;

-- The last such number of each Worker in each Environment. It stays when the Worker goes: it never falls.
CREATE TABLE fences (
    environment INTEGER NOT NULL,
    app         INTEGER NOT NULL,
    worker      TEXT NOT NULL,
    number      INTEGER NOT NULL,
    PRIMARY KEY (environment, app, worker)
) STRICT, WITHOUT ROWID;

-- Until when node programs let the singletons of their hosts run, by the clock of this database. One that has run out
-- stays: it says that they were stopped. None: it was ended. `number` is that of the last word of the node.
CREATE TABLE node_leases (
    name   TEXT PRIMARY KEY NOT NULL,
    number INTEGER NOT NULL,
    until  INTEGER
) STRICT;
