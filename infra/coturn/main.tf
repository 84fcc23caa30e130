locals {
  # What is put in for a pinned one stands in distribution.conf with its reasons.
  older_than_4_17 = can(regex("^4\\.1[0-6](\\.|$)", try(var.coturn_source.version, "")))
  by_version      = var.coturn_source == null ? file("${path.module}/distribution.conf") : local.older_than_4_17 ? "no-dtls\n" : ""

  home = "/usr/local/lib/webrtc-lite"

  # The VM's addresses are known on the VM only: configure.sh puts them in as Coturn starts.
  turnserver_conf = templatefile("${path.module}/turnserver.conf", {
    listening_ip = "@PRIVATE_ADDRESS@"
    relay_ip     = "@PRIVATE_ADDRESS@"
    port         = 3478
    tls_port     = 5349
    min_port     = var.relay_ports.min
    max_port     = var.relay_ports.max
    realm        = var.realm
    userdb       = "/var/lib/coturn/turndb"
    certificate  = "/etc/coturn/tls/fullchain.pem"
    private_key  = "/etc/coturn/tls/privkey.pem"
    total_quota  = var.total_quota
    by_version   = local.by_version
    pidfile      = "/run/coturn/turnserver.pid"
    deployed     = file("${path.module}/vm/deployed.conf")
    local        = ""
  })

  # What the scripts and units read: NAME='value', for a shell and for systemd alike. None holds a quote
  # (outputs.tf), and none of them is secret.
  parameters = {
    HOST            = var.host
    REALM           = var.realm
    PUBLIC_ADDRESS  = var.public_address == null ? "" : var.public_address
    MIN_PORT        = var.relay_ports.min
    MAX_PORT        = var.relay_ports.max
    SSH_SOURCES     = join(" ", var.ssh_sources)
    METRICS_PORT    = var.metrics_port
    METRICS_SOURCES = join(" ", var.metrics_sources)
    VAULT_SECRET    = var.vault_secret_id == null ? "" : var.vault_secret_id
    ACME_SERVER     = var.acme.server
    ACME_EMAIL      = var.acme.email
    ACME_EAB_SECRET = var.acme.eab_secret_id == null ? "" : var.acme.eab_secret_id
    COTURN_VERSION  = var.coturn_source == null ? "" : var.coturn_source.version
    COTURN_URL      = var.coturn_source == null ? "" : var.coturn_source.url
    COTURN_SHA256   = var.coturn_source == null ? "" : var.coturn_source.sha256
  }
  relay_env = join("", [for name, value in local.parameters : "${name}='${value}'\n"])

  # install.sh puts the units and settings of etc/ into their places below /etc.
  programs = fileset("${path.module}/vm", "*.{sh,py}")
  settings = fileset("${path.module}/vm/etc", "**")

  files = merge(
    { for name in local.programs : "${local.home}/${name}" => file("${path.module}/vm/${name}") },
    { for name in local.settings : "${local.home}/etc/${name}" => file("${path.module}/vm/etc/${name}") },
    {
      "/etc/webrtc-lite/relay.env"       = local.relay_env
      "/etc/webrtc-lite/turnserver.conf" = local.turnserver_conf
    },
  )

  cloud_config = {
    # Before anything is installed: the packaged default configuration is an open relay, and installing starts it. On
    # later boots the link is our unit.
    bootcmd = [["sh", "-c", "test -e /etc/systemd/system/coturn.service || ln -s /dev/null /etc/systemd/system/coturn.service"]]
    write_files = [for path, text in local.files : {
      path        = path
      content     = text
      owner       = "root:root"
      permissions = can(regex("\\.(sh|py)$", path)) ? "0755" : "0644"
    }]
    package_update  = true
    package_upgrade = true
    packages = concat(
      ["certbot", "coturn", "curl", "fail2ban", "iptables", "openssl", "python3-cryptography", "python3-systemd", "unattended-upgrades"],
      var.coturn_source == null ? [] : ["build-essential", "libevent-dev", "libsqlite3-dev", "libssl-dev", "pkg-config"],
    )
    runcmd = [["${local.home}/install.sh"]]
  }

  # With its keys sorted: the same input gives the same bytes.
  user_data        = "#cloud-config\n${yamlencode(local.cloud_config)}"
  user_data_base64 = base64gzip(local.user_data)
}
