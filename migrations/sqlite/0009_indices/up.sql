-- Pages of a long history: each of these lists was sorted, or read to its end, for one page.
CREATE INDEX events_app_environment ON events (app, environment, id) WHERE app IS NOT NULL;
CREATE INDEX events_kind ON events (kind, id);
CREATE INDEX deploys_created ON deploys (created_at, id);
CREATE INDEX builds_created ON builds (created_at, id);
