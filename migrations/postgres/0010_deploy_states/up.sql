-- Those of one Environment in one state, newest first: without it a page reads all of that Environment, or all in that state.
CREATE INDEX deploys_environment_state ON deploys (environment, state, id);
