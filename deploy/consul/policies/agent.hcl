# What the agent of a Docker host needs: to say that it is there, and to register its pool's service, and to say of itself that
# it is in maintenance.

node_prefix "" {
  policy = "write"
}
service_prefix "jockey-" {
  policy = "write"
}
service_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "write"
}
