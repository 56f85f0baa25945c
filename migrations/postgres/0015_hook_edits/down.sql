ALTER TABLE app_hooks DROP COLUMN edits;
