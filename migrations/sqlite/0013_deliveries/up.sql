-- Deliveries of webhooks of which something followed, as they were received. Bodies are sealed. The digest is that of
-- App, event and body: what is sent again is kept once.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    delivery    TEXT NOT NULL,
    event       TEXT NOT NULL,
    app         INTEGER,
    sealed      BLOB NOT NULL,
    digest      BLOB NOT NULL,
    outcome     TEXT NOT NULL,
    job         INTEGER,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_received ON deliveries (received_at);
CREATE INDEX deliveries_digest ON deliveries (digest);
