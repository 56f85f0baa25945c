DROP INDEX deploys_environment_state;
