-- The pool that a reconcile evens out, and how many of its instances may be on the move at once.
ALTER TABLE reconciles ADD COLUMN rebalance_stack INTEGER;
ALTER TABLE reconciles ADD COLUMN rebalance_at_once INTEGER;
