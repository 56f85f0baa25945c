-- How much of its patience a deploy has spent, in microseconds.
ALTER TABLE deploys ADD COLUMN spent_us BIGINT NOT NULL DEFAULT 0;
