-- Times are microseconds since 1970, ids are never used twice, and composite values are JSON.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE environments (
    id               INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name             TEXT NOT NULL,
    service_template TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    deleted_at       INTEGER
) STRICT;
CREATE UNIQUE INDEX environments_name ON environments (name) WHERE deleted_at IS NULL;

CREATE TABLE stacks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX stacks_name ON stacks (name) WHERE deleted_at IS NULL;

CREATE TABLE apps (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name       TEXT NOT NULL,
    repo       TEXT NOT NULL,
    stack      INTEGER NOT NULL REFERENCES stacks (id),
    recipe     TEXT NOT NULL,
    webhook    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX apps_name ON apps (name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX apps_repo ON apps (repo) WHERE deleted_at IS NULL;
CREATE INDEX apps_stack ON apps (stack, id) WHERE deleted_at IS NULL;

-- Who has each derived name. A pool has a stack, a worker has an app.
CREATE TABLE service_names (
    name        TEXT PRIMARY KEY NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments (id),
    stack       INTEGER REFERENCES stacks (id),
    app         INTEGER REFERENCES apps (id),
    worker      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX service_names_environment ON service_names (environment);
CREATE INDEX service_names_app ON service_names (app) WHERE app IS NOT NULL;
CREATE INDEX service_names_stack ON service_names (stack) WHERE stack IS NOT NULL;

CREATE TABLE node_duties (
    node  TEXT PRIMARY KEY NOT NULL,
    duty  TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `scope` is `env-1`, `stk-2/env-1` or `app-3/env-1`.
CREATE TABLE config_sets (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    scope       TEXT NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments (id),
    app         INTEGER REFERENCES apps (id),
    newest      INTEGER NOT NULL,
    deleted_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX config_sets_scope ON config_sets (scope) WHERE deleted_at IS NULL;
CREATE INDEX config_sets_environment ON config_sets (environment, id) WHERE deleted_at IS NULL;
CREATE INDEX config_sets_app ON config_sets (app) WHERE app IS NOT NULL;

-- `sealed`: version, key id, nonce and ciphertext, bound to `config/<set>/<number>`.
CREATE TABLE config_versions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    config_set INTEGER NOT NULL REFERENCES config_sets (id),
    number     INTEGER NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    summary    TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX config_versions_number ON config_versions (config_set, number);

CREATE TABLE workers (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    app            INTEGER NOT NULL REFERENCES apps (id),
    environment    INTEGER NOT NULL REFERENCES environments (id),
    name           TEXT NOT NULL,
    spec           TEXT NOT NULL,
    scale          INTEGER NOT NULL,
    source         TEXT NOT NULL,
    restart_before INTEGER,
    restart_only   TEXT,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX workers_name ON workers (app, environment, name);
CREATE INDEX workers_environment ON workers (environment, id);

CREATE TABLE builds (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    app          INTEGER NOT NULL REFERENCES apps (id),
    git_ref      TEXT NOT NULL,
    commit_sha   TEXT NOT NULL,
    recipe       TEXT NOT NULL,
    strategy     TEXT,
    wanted       TEXT NOT NULL,
    state        TEXT NOT NULL,
    image        TEXT,
    image_kept   INTEGER NOT NULL,
    workers      TEXT NOT NULL,
    reason       TEXT,
    created_at   INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX builds_in_progress ON builds (app, commit_sha, recipe) WHERE state = 'in_progress';
CREATE INDEX builds_app ON builds (app, id);
CREATE INDEX builds_app_commit ON builds (app, commit_sha, id);
CREATE INDEX builds_commit ON builds (commit_sha, id);
CREATE INDEX builds_state ON builds (state, id);
CREATE INDEX builds_image ON builds (image) WHERE image IS NOT NULL;
CREATE INDEX builds_completed ON builds (completed_at) WHERE completed_at IS NOT NULL;

CREATE TABLE build_lines (
    build  INTEGER NOT NULL REFERENCES builds (id),
    number INTEGER NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (build, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE releases (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    app                INTEGER NOT NULL REFERENCES apps (id),
    environment        INTEGER NOT NULL REFERENCES environments (id),
    build              INTEGER NOT NULL REFERENCES builds (id),
    commit_sha         TEXT NOT NULL,
    image              TEXT NOT NULL,
    config_environment INTEGER REFERENCES config_versions (id),
    config_stack       INTEGER REFERENCES config_versions (id),
    config_app         INTEGER REFERENCES config_versions (id),
    workers            TEXT NOT NULL,
    was_deployed       INTEGER NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT;
CREATE INDEX releases_app ON releases (app, id);
CREATE INDEX releases_app_environment ON releases (app, environment, id);
CREATE INDEX releases_environment ON releases (environment, id);
-- What a record names is looked for when that is to be forgotten.
CREATE INDEX releases_build ON releases (build);
CREATE INDEX releases_config_environment ON releases (config_environment) WHERE config_environment IS NOT NULL;
CREATE INDEX releases_config_stack ON releases (config_stack) WHERE config_stack IS NOT NULL;
CREATE INDEX releases_config_app ON releases (config_app) WHERE config_app IS NOT NULL;

CREATE TABLE deploys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    app          INTEGER NOT NULL REFERENCES apps (id),
    environment  INTEGER NOT NULL REFERENCES environments (id),
    cause        TEXT NOT NULL,
    git_ref      TEXT,
    build        INTEGER REFERENCES builds (id),
    release      INTEGER REFERENCES releases (id),
    state        TEXT NOT NULL,
    step         TEXT NOT NULL,
    patience_us  INTEGER NOT NULL,
    failure      TEXT,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    updated_at   INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX deploys_deployed ON deploys (app, environment) WHERE state = 'deployed';
CREATE INDEX deploys_standing ON deploys (environment, state, app, id);
CREATE INDEX deploys_app ON deploys (app, id);
CREATE INDEX deploys_app_environment ON deploys (app, environment, id);
CREATE INDEX deploys_environment ON deploys (environment, id);
CREATE INDEX deploys_state ON deploys (state, id);
CREATE INDEX deploys_build ON deploys (build) WHERE build IS NOT NULL;
CREATE INDEX deploys_release ON deploys (release) WHERE release IS NOT NULL;

CREATE TABLE reconciles (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    environment  INTEGER NOT NULL REFERENCES environments (id),
    app          INTEGER REFERENCES apps (id),
    state        TEXT NOT NULL,
    plan         TEXT NOT NULL,
    reason       TEXT,
    created_at   INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;
CREATE INDEX reconciles_environment ON reconciles (environment, id);
CREATE INDEX reconciles_standing ON reconciles (environment, state, id);
CREATE INDEX reconciles_state ON reconciles (state, id);

-- No row elsewhere is needed: what is stopped or ended may be of a deploy that this database does not know.
-- `standing`: open, or a start that is done and whose instance is not known to be gone.
CREATE TABLE intents (
    instance    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    app         INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    deploy      INTEGER NOT NULL,
    worker      TEXT NOT NULL,
    node        TEXT NOT NULL,
    port        INTEGER,
    memory      INTEGER,
    cpu         INTEGER,
    state       TEXT NOT NULL,
    why         TEXT NOT NULL,
    opened_at   INTEGER NOT NULL,
    closed_at   INTEGER,
    standing    INTEGER NOT NULL,
    PRIMARY KEY (instance, kind)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX intents_port ON intents (node, port) WHERE standing AND kind = 'start' AND port IS NOT NULL;
-- Used where a query says `standing` and not `standing = $1`: a bound value proves nothing to the planner.
CREATE INDEX intents_standing ON intents (node) WHERE standing;
CREATE INDEX intents_in_order ON intents (instance, kind) WHERE standing;
CREATE INDEX intents_app ON intents (app) WHERE standing;
CREATE INDEX intents_closed ON intents (closed_at) WHERE NOT standing;

CREATE TABLE instance_ends (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    instance    TEXT NOT NULL UNIQUE,
    app         INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    deploy      INTEGER NOT NULL,
    worker      TEXT NOT NULL,
    node        TEXT NOT NULL,
    manner      TEXT NOT NULL,
    exit_code   INTEGER,
    what        TEXT NOT NULL,
    log_tail    TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX instance_ends_app ON instance_ends (app, id);
CREATE INDEX instance_ends_app_environment ON instance_ends (app, environment, id);
CREATE INDEX instance_ends_environment ON instance_ends (environment, id);
CREATE INDEX instance_ends_deploy ON instance_ends (deploy, id);
CREATE INDEX instance_ends_node ON instance_ends (node, id);
CREATE INDEX instance_ends_at ON instance_ends (at);

-- A lease that was given back stays, without an owner: its number goes on from there.
CREATE TABLE leases (
    name   TEXT PRIMARY KEY NOT NULL,
    owner  TEXT NOT NULL,
    number INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    actor       TEXT NOT NULL,
    subject     TEXT NOT NULL,
    app         INTEGER,
    environment INTEGER,
    message     TEXT NOT NULL,
    facts       TEXT NOT NULL
) STRICT;
CREATE INDEX events_at ON events (at);
CREATE INDEX events_subject ON events (subject, id);
CREATE INDEX events_app ON events (app, id) WHERE app IS NOT NULL;
CREATE INDEX events_environment ON events (environment, id) WHERE environment IS NOT NULL;

CREATE TABLE tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_at IS NULL;

CREATE TABLE requests (
    actor   TEXT NOT NULL,
    id      TEXT NOT NULL,
    method  TEXT NOT NULL,
    digest  BLOB NOT NULL,
    subject TEXT NOT NULL,
    answer  BLOB,
    at      INTEGER NOT NULL,
    PRIMARY KEY (actor, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_at ON requests (at);
