DROP TABLE node_leases;
DROP TABLE fences;
ALTER TABLE intents DROP COLUMN fence;
