-- The CA of joined nodes: one row, made when it is first needed. Its key is encrypted.
CREATE TABLE node_authority (
    id          BIGINT PRIMARY KEY NOT NULL,
    certificate BYTEA NOT NULL,
    sealed      BYTEA NOT NULL,
    made_at     BIGINT NOT NULL
);

-- Tokens by which nodes join, by their hash. One that was taken is good for the same node's key alone.
CREATE TABLE join_tokens (
    hash       BYTEA PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL,
    taken_by   BYTEA
);

-- Nodes that have joined: who they are, and what they have said of themselves last.
CREATE TABLE joined_nodes (
    name       TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    public_key BYTEA NOT NULL,
    address    TEXT NOT NULL,
    port       BIGINT NOT NULL,
    pools      TEXT NOT NULL,
    meta       TEXT NOT NULL,
    number     BIGINT NOT NULL,
    joined_at  BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL
);
