# What jockeyd needs, and no more: it reads which nodes there are and how they are, and registers instances and itself. No keys,
# no sessions, no ACLs. Narrow the second to what your service names begin with, "jockey" included.

node_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "write"
}
agent_prefix "" {
  policy = "read"
}
