ALTER TABLE intents DROP COLUMN ports;
-- What is left of named ports in definitions is read by no earlier version.
DELETE FROM meta WHERE key = 'least_migration' AND value = '0016';
