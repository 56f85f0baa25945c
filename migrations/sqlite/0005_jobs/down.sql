DROP TABLE callbacks;
DROP TABLE webhooks;
DROP TABLE outbox;
DROP TABLE jobs;
