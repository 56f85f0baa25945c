ALTER TABLE reconciles DROP COLUMN rebalance_at_once;
ALTER TABLE reconciles DROP COLUMN rebalance_stack;
