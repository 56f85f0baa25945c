# The Consul agent of a Docker host: /etc/consul.d/client.hcl, beside secrets.hcl, pool.json and the CA of the servers'
# certificates. Its own certificate comes from the servers.

server     = false
datacenter = "dc1"
data_dir   = "/var/lib/consul"

retry_join = ["10.0.0.2", "10.0.0.3", "10.0.0.4"]

# A host has Docker's own networks as well; this is the one by which it reaches others.
bind_addr = "{{ GetDefaultInterfaces | include \"type\" \"IPv4\" | attr \"address\" }}"

# jockeyd calls the agent of each host: by TLS, with --consul-agent-port 8501.
addresses {
  http  = "127.0.0.1"
  https = "0.0.0.0"
}
ports {
  https = 8501
}

ca_file                = "/etc/consul.d/consul-agent-ca.pem"
verify_outgoing        = true
verify_server_hostname = true
auto_encrypt {
  tls = true
  # What jockeyd finds in it, whichever host it calls: --consul-server-name client.dc1.consul
  dns_san = ["client.dc1.consul"]
}

acl {
  enabled                  = true
  default_policy           = "deny"
  enable_token_persistence = true
}

# A host that is restarted has not left its pool; one that ends for ever says `consul leave`.
leave_on_terminate   = false
disable_update_check = true
