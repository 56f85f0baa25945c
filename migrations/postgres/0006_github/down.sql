DROP TABLE pull_requests;
DROP TABLE app_hooks;
ALTER TABLE apps DROP COLUMN pushes;
