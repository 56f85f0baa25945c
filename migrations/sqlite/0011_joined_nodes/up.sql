-- The CA of joined nodes: one row, made when it is first needed. Its key is encrypted.
CREATE TABLE node_authority (
    id          INTEGER PRIMARY KEY NOT NULL,
    certificate BLOB NOT NULL,
    sealed      BLOB NOT NULL,
    made_at     INTEGER NOT NULL
) STRICT;

-- Tokens by which nodes join, by their hash. One that was taken is good for the same node's key alone.
CREATE TABLE join_tokens (
    hash       BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL,
    taken_by   BLOB
) STRICT;

-- Nodes that have joined: who they are, and what they have said of themselves last.
CREATE TABLE joined_nodes (
    name       TEXT PRIMARY KEY NOT NULL,
    public_key BLOB NOT NULL,
    address    TEXT NOT NULL,
    port       INTEGER NOT NULL,
    pools      TEXT NOT NULL,
    meta       TEXT NOT NULL,
    number     INTEGER NOT NULL,
    joined_at  INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL
) STRICT;
