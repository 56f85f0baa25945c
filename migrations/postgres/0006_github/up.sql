-- Which branches of an app are built and where they are deployed, as JSON.
ALTER TABLE apps ADD COLUMN pushes TEXT COLLATE "C" NOT NULL DEFAULT '{}';

-- The hook by which an app's repository tells of pushes; its secret is encrypted. It outlives its app until it is
-- taken away at the host.
CREATE TABLE app_hooks (
    app        BIGINT PRIMARY KEY NOT NULL,
    repo       TEXT COLLATE "C" NOT NULL,
    sealed     BYTEA NOT NULL,
    signed     TEXT COLLATE "C" NOT NULL,
    standing   TEXT COLLATE "C" NOT NULL,
    detail     TEXT COLLATE "C" NOT NULL,
    checked_at BIGINT
);

-- Open pull requests, each with the commit at its tip, and whose repository that is in.
CREATE TABLE pull_requests (
    app       BIGINT NOT NULL,
    number    BIGINT NOT NULL,
    head      TEXT COLLATE "C" NOT NULL,
    head_repo TEXT COLLATE "C",
    PRIMARY KEY (app, number)
);
