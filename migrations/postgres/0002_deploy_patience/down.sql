ALTER TABLE deploys DROP COLUMN spent_us;
