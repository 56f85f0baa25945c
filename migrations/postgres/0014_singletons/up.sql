-- The number that the process of a singleton is handed. None: it was started without one, and no node program stops it.
ALTER TABLE intents ADD COLUMN fence BIGINT;

-- The last such number of each Worker in each Environment. It stays when the Worker goes: it never falls.
CREATE TABLE fences (
    environment BIGINT NOT NULL,
    app         BIGINT NOT NULL,
    worker      TEXT COLLATE "C" NOT NULL,
    number      BIGINT NOT NULL,
    PRIMARY KEY (environment, app, worker)
);

-- Until when node programs let the singletons of their hosts run, by the clock of this database. One that has run out
-- stays: it says that they were stopped. None: it was ended. `number` is that of the last word of the node.
CREATE TABLE node_leases (
    name   TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    number BIGINT NOT NULL,
    until  BIGINT
);
