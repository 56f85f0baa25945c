-- 10,000 Apps with ten Deploys each, and ten events to each Deploy. None of them stands, so that the loops of a server
-- find nothing to do; all are of yesterday, so that none is forgotten. The database has been migrated and holds no App.
BEGIN;
INSERT INTO environments (name, service_template, created_at, updated_at)
SELECT 'scale', '{app}-{worker}-{environment}', 1, 1;
INSERT INTO stacks (name, created_at) VALUES ('scale', 1);

CREATE TEMP TABLE base AS
SELECT (CAST(strftime('%s', 'now') AS INTEGER) - 86400) * 1000000 AS at,
       (SELECT id FROM environments WHERE name = 'scale') AS environment,
       (SELECT id FROM stacks WHERE name = 'scale') AS stack;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO apps (name, repo, stack, recipe, webhook, created_at, updated_at)
SELECT printf('scale-%05d', i), printf('scale/app-%05d', i), stack, '{}', 0, at, at FROM n, base;

WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
INSERT INTO builds (app, git_ref, commit_sha, recipe, strategy, wanted, state, image_kept, workers, created_at, completed_at)
SELECT 1 + i % 10000, 'main', printf('%040x', i), '{}', '"dockerfile"', 'itself', 'failed', 0, '[]', at + i, at + i
FROM n, base;

INSERT INTO deploys (app, environment, cause, git_ref, build, state, step, patience_us, spent_us, failure, created_by,
                     created_at, started_at, updated_at, completed_at)
SELECT app, environment, 'commit', git_ref, builds.id,
       CASE WHEN builds.id % 1000 = 0 THEN 'cancelled' ELSE 'failed' END, '', 600000000, 0,
       '{"reason":"the build failed","instance":null,"log_tail":[]}', 'scale',
       created_at, created_at, created_at, created_at
FROM builds, base;

WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
INSERT INTO events (at, kind, actor, subject, app, environment, message, facts)
SELECT created_at, CASE i WHEN 0 THEN 'deploy.created' WHEN 9 THEN 'deploy.failed' ELSE 'instance.started' END,
       'scale', 'dep-' || deploys.id, app, environment, 'one of many', '{}'
FROM deploys, n ORDER BY deploys.id, i;
DROP TABLE base;
COMMIT;
