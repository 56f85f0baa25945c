DROP TABLE revoked_sessions;
DROP TABLE signing_keys;
