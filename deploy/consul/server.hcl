# A Consul server, of which a datacenter has three or five: /etc/consul.d/server.hcl, beside secrets.hcl.
#
# Certificates, once, on a machine that keeps the CA's key:
#
#   consul tls ca create
#   consul tls cert create -server -dc dc1          # for each server; its name server.dc1.consul is what clients look for
#
# The form of these settings is that of Consul 1.8, which later ones still take; what they call them today is beside it.

server           = true
bootstrap_expect = 3
datacenter       = "dc1"
data_dir         = "/var/lib/consul"

# What finds the others; on AWS by a tag: ["provider=aws tag_key=consul tag_value=dc1"].
retry_join = ["10.0.0.2", "10.0.0.3", "10.0.0.4"]

# Where it has several networks: that by which it reaches others.
bind_addr = "{{ GetDefaultInterfaces | include \"type\" \"IPv4\" | attr \"address\" }}"

# Plain HTTP for this machine alone; others by TLS.
addresses {
  http  = "127.0.0.1"
  https = "0.0.0.0"
}
ports {
  https = 8501
}

# tls.defaults, tls.internal_rpc
ca_file                = "/etc/consul.d/consul-agent-ca.pem"
cert_file              = "/etc/consul.d/agent.pem"
key_file               = "/etc/consul.d/agent-key.pem"
verify_incoming_rpc    = true
verify_outgoing        = true
verify_server_hostname = true

# Clients get their certificates from the servers.
auto_encrypt {
  allow_tls = true
}
connect {
  enabled = true
}

acl {
  enabled                  = true
  default_policy           = "deny"
  enable_token_persistence = true
}

# A server that is restarted is still a server.
leave_on_terminate = false
disable_update_check = true
