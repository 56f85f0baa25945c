-- When a line was written, in microseconds since 1970: none is as early as the one before it. Not known of older lines.
ALTER TABLE build_lines ADD COLUMN at BIGINT;

-- The steps of a plan as the legacy API shows them, as JSON. Older ones have none.
ALTER TABLE reconciles ADD COLUMN steps TEXT COLLATE "C" NOT NULL DEFAULT '[]';
