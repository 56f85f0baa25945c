ALTER TABLE reconciles DROP COLUMN steps;
ALTER TABLE build_lines DROP COLUMN at;
