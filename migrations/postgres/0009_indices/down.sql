DROP INDEX builds_created;
DROP INDEX deploys_created;
DROP INDEX events_kind;
DROP INDEX events_app_environment;
