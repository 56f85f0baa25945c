-- How often somebody has changed how the deliveries of a hook are signed.
ALTER TABLE app_hooks ADD COLUMN edits BIGINT NOT NULL DEFAULT 0;
