# The module alone: no provider, no account, no network.

variables {
  host  = "turn-1.example.com"
  realm = "example.com"
}

run "the_configuration_is_the_local_stacks_with_other_values" {
  command = plan

  assert {
    condition     = !strcontains(output.turnserver_conf, "$${")
    error_message = "A name of the template was not filled in."
  }
  assert {
    condition = alltrue([for line in [
      "use-auth-secret", "realm=example.com", "userdb=/var/lib/coturn/turndb", "fingerprint", "no-tcp-relay",
      "no-cli", "no-tlsv1", "no-tlsv1_1", "no-dtls", "no-stun-backward-compatibility",
      "listening-ip=@PRIVATE_ADDRESS@", "relay-ip=@PRIVATE_ADDRESS@", "external-ip=@PUBLIC_ADDRESS@/@PRIVATE_ADDRESS@",
      "listening-port=3478", "tls-listening-port=5349", "aux-server=@PRIVATE_ADDRESS@:443",
      "min-port=49152", "max-port=65535", "total-quota=300", "user-quota=32", "max-bps=375000",
      "denied-peer-ip=10.0.0.0-10.255.255.255", "denied-peer-ip=169.254.0.0-169.254.255.255",
    ] : contains(split("\n", output.turnserver_conf), line)])
    error_message = "A line that the relay depends on is missing."
  }
  assert {
    condition     = alltrue([for line in split("\n", output.turnserver_conf) : !can(regex("^(static-auth-secret|allow-loopback-peers|allowed-peer-ip|no-auth|verbose|cli-|denied-peer-ip=.*/)", line))])
    error_message = "A line that has no place on a deployed relay, or one that Coturn ignores and stays open."
  }
}

run "the_user_data_is_cloud_config_and_holds_every_file" {
  command = plan

  assert {
    condition     = startswith(output.user_data, "#cloud-config\n")
    error_message = "cloud-init knows its input by the first line."
  }
  assert {
    condition     = length(yamldecode(output.user_data).write_files) == length(output.files)
    error_message = "A file is missing."
  }
  assert {
    condition     = strcontains(yamldecode(output.user_data).bootcmd[0][2], "ln -s /dev/null /etc/systemd/system/coturn.service")
    error_message = "The packaged service has to be masked before the package is installed."
  }
  assert {
    condition     = alltrue([for name in ["coturn", "certbot", "fail2ban", "unattended-upgrades"] : contains(yamldecode(output.user_data).packages, name)])
    error_message = "A package is missing."
  }
  assert {
    condition     = length(output.user_data_base64) < 28000
    error_message = "OCI takes 32,000 bytes of metadata in all."
  }
  assert {
    condition     = output.relay == { host = "turn-1.example.com", port = 3478, tls_ports = [5349, 443] }
    error_message = "Clients would be told something else than what the relay does."
  }
}

run "a_pinned_coturn_brings_what_it_is_built_with" {
  command = plan
  variables {
    coturn_source = {
      version = "4.17.1"
      url     = "https://example.com/coturn-4.17.1.tar.gz"
      sha256  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }
  }
  assert {
    condition     = contains(yamldecode(output.user_data).packages, "libevent-dev")
    error_message = "The build would fail on the VM."
  }
  assert {
    condition     = strcontains(output.files["/etc/webrtc-lite/relay.env"], "COTURN_VERSION='4.17.1'\n")
    error_message = "The VM would not know what to build."
  }
  assert {
    condition     = length([for line in split("\n", output.turnserver_conf) : line if can(regex("^no-(cli|tlsv1|tlsv1_1|dtls|stun-backward-compatibility)$", line))]) == 0
    error_message = "A new Coturn does not know these words: it logs them and goes on, as it would with a misspelt one."
  }
}

run "a_pinned_coturn_before_4_17_is_told_to_leave_dtls_out" {
  command = plan
  variables {
    coturn_source = {
      version = "4.12.0"
      url     = "https://example.com/coturn-4.12.0.tar.gz"
      sha256  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }
  }
  assert {
    condition     = [for line in split("\n", output.turnserver_conf) : line if can(regex("^no-(cli|tlsv1|tlsv1_1|dtls|stun-backward-compatibility)$", line))] == ["no-dtls"]
    error_message = "It would serve DTLS, or not know what it is told."
  }
}

run "a_host_with_a_scheme_is_none" {
  command = plan
  variables {
    host = "https://turn.example.com"
  }
  expect_failures = [var.host]
}

run "a_host_without_a_domain_is_none" {
  command = plan
  variables {
    host = "turn"
  }
  expect_failures = [var.host]
}

run "an_address_is_no_host" {
  command = plan
  variables {
    host = "198.51.100.7"
  }
  expect_failures = [var.host]
}

run "a_realm_is_a_name" {
  command = plan
  variables {
    realm = "My calls"
  }
  expect_failures = [var.realm]
}

run "a_realm_cannot_end_a_line_of_the_configuration" {
  command = plan
  variables {
    realm = "example.com\nno-auth"
  }
  expect_failures = [var.realm]
}

run "relay_ports_that_reach_below_1024_are_refused" {
  command = plan
  variables {
    relay_ports = { min = 1000, max = 65535 }
  }
  expect_failures = [var.relay_ports]
}

run "relay_ports_that_contain_a_port_of_the_relay_are_refused" {
  command = plan
  variables {
    relay_ports = { min = 3000, max = 6000 }
  }
  expect_failures = [var.relay_ports]
}

run "relay_ports_that_contain_the_metrics_are_refused" {
  command = plan
  variables {
    metrics_port = 50000
  }
  expect_failures = [var.relay_ports]
}

run "relay_ports_the_wrong_way_round_are_refused" {
  command = plan
  variables {
    relay_ports = { min = 65535, max = 49152 }
  }
  expect_failures = [var.relay_ports]
}

run "more_allocations_than_ports_are_refused" {
  command = plan
  variables {
    relay_ports = { min = 49152, max = 50175 }
    total_quota = 2000
  }
  expect_failures = [var.total_quota]
}

run "an_ssh_range_as_wide_as_the_internet_is_refused" {
  command = plan
  variables {
    ssh_sources = ["0.0.0.0/0"]
  }
  expect_failures = [var.ssh_sources]
}

run "half_of_the_internet_is_too_wide_as_well" {
  command = plan
  variables {
    ssh_sources = ["198.51.100.7/32", "128.0.0.0/1"]
  }
  expect_failures = [var.ssh_sources]
}

run "an_ssh_range_without_a_length_is_refused" {
  command = plan
  variables {
    ssh_sources = ["198.51.100.7"]
  }
  expect_failures = [var.ssh_sources]
}

run "metrics_are_not_for_the_internet" {
  command = plan
  variables {
    metrics_sources = ["0.0.0.0/0"]
  }
  expect_failures = [var.metrics_sources]
}

run "a_secret_in_the_place_of_its_id_is_refused" {
  command = plan
  variables {
    vault_secret_id = "hunter2-hunter2-hunter2"
  }
  expect_failures = [var.vault_secret_id]
}

run "an_issuer_without_tls_is_refused" {
  command = plan
  variables {
    acme = { server = "http://acme.example.com/directory" }
  }
  expect_failures = [var.acme]
}

run "a_mail_address_that_would_end_a_quote_is_refused" {
  command = plan
  variables {
    acme = { email = "o'neill@example.com" }
  }
  expect_failures = [var.acme]
}

run "a_pinned_coturn_older_than_4_10_is_refused" {
  command = plan
  variables {
    coturn_source = {
      version = "4.9.9"
      url     = "https://example.com/coturn-4.9.9.tar.gz"
      sha256  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }
  }
  expect_failures = [var.coturn_source]
}

run "a_pinned_coturn_without_its_checksum_is_refused" {
  command = plan
  variables {
    coturn_source = { version = "4.17.1", url = "https://example.com/coturn-4.17.1.tar.gz", sha256 = "" }
  }
  expect_failures = [var.coturn_source]
}

run "an_address_of_ipv6_is_no_public_address" {
  command = plan
  variables {
    public_address = "2001:db8::1"
  }
  expect_failures = [var.public_address]
}

run "an_address_with_the_length_of_a_range_is_refused" {
  command = plan
  variables {
    ssh_sources = ["198.51.100.7/24"]
  }
  expect_failures = [var.ssh_sources]
}

run "half_a_port_is_refused" {
  command = plan
  variables {
    metrics_port = 9641.5
  }
  expect_failures = [var.metrics_port]
}

run "an_issuer_that_would_end_a_quote_is_refused" {
  command = plan
  variables {
    acme = { server = "https://acme.example.com/'; reboot; '" }
  }
  expect_failures = [var.acme]
}

run "an_id_that_would_end_a_quote_is_refused" {
  command = plan
  variables {
    vault_secret_id = "ocid1.vaultsecret.oc1..a'; reboot; '"
  }
  expect_failures = [var.vault_secret_id]
}

run "an_id_of_an_issuers_key_that_would_end_a_quote_is_refused" {
  command = plan
  variables {
    acme = { eab_secret_id = "ocid1.vaultsecret.oc1..a'; reboot; '" }
  }
  expect_failures = [var.acme]
}

run "a_version_that_would_end_a_quote_is_refused" {
  command = plan
  variables {
    coturn_source = { version = "4.17.1'; reboot; '", url = "https://example.com/coturn.tar.gz", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
  }
  expect_failures = [var.coturn_source]
}
