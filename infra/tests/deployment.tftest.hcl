# With the provider's schema and a mocked cloud: what would be made, and which wrong values are told apart at plan.

mock_provider "oci" {
  mock_data "oci_identity_availability_domains" {
    defaults = {
      availability_domains = [{ name = "XyZa:EU-FRANKFURT-1-AD-1" }, { name = "XyZa:EU-FRANKFURT-1-AD-2" }]
    }
  }
  mock_data "oci_core_images" {
    defaults = {
      images = [{ id = "ocid1.image.oc1..newest" }]
    }
  }
  mock_data "oci_core_private_ips" {
    defaults = {
      private_ips = [{ id = "ocid1.privateip.oc1..a" }]
    }
  }
  mock_resource "oci_vault_secret" {
    defaults = {
      id = "ocid1.vaultsecret.oc1..made"
    }
  }
  mock_resource "oci_core_instance" {
    defaults = {
      id         = "ocid1.instance.oc1..made"
      private_ip = "10.0.1.2"
    }
  }
  mock_resource "oci_core_public_ip" {
    defaults = {
      ip_address = "192.0.2.7"
    }
  }
}

# What is made is not planned for real: nothing here may depend on the order of a destroy.
override_resource {
  target          = oci_vault_secret.turn
  override_during = plan
  values          = { id = "ocid1.vaultsecret.oc1..made" }
}

variables {
  tenancy_id     = "ocid1.tenancy.oc1..t"
  compartment_id = "ocid1.compartment.oc1..c"
  region         = "eu-frankfurt-1"
  realm          = "example.com"
  relays         = { a = { host = "turn.example.com" } }
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ example"
  alarm_email    = "operator@example.com"
}

run "the_default_is_one_free_relay_behind_a_bastion" {
  command = plan

  assert {
    condition     = join(" ", keys(oci_core_instance.relay)) == "a" && oci_core_instance.relay["a"].shape == "VM.Standard.E2.1.Micro"
    error_message = "The default has to be free."
  }
  assert {
    condition     = length(oci_bastion_bastion.this) == 1
    error_message = "Without ssh_sources there has to be a bastion."
  }
  assert {
    condition     = oci_core_instance.relay["a"].create_vnic_details[0].assign_public_ip == "false"
    error_message = "An address of the VM's own would go with it."
  }
  assert {
    condition     = oci_core_public_ip.relay["a"].lifetime == "RESERVED"
    error_message = "The address has to outlive the VM."
  }
  assert {
    condition     = oci_core_instance.relay["a"].instance_options[0].are_legacy_imds_endpoints_disabled
    error_message = "The old metadata service answers whoever makes the VM send a request."
  }
  assert {
    condition     = oci_core_instance.relay["a"].availability_domain == "XyZa:EU-FRANKFURT-1-AD-1"
    error_message = "The first availability domain is the default."
  }
  assert {
    condition     = output.relays == [{ host = "turn.example.com", region = "", weight = 1, port = 3478, tls_ports = [5349, 443] }]
    error_message = "What functions are told is not what was made."
  }
}

run "the_group_opens_what_the_specification_opens_and_nothing_else" {
  command = plan

  assert {
    condition = {
      for name, rule in oci_core_network_security_group_security_rule.ingress : name => [
        rule.protocol, rule.source, rule.stateless,
        one(concat(rule.udp_options, rule.tcp_options)).destination_port_range[0].min,
        one(concat(rule.udp_options, rule.tcp_options)).destination_port_range[0].max,
      ]
      } == {
      turn_udp    = ["17", "0.0.0.0/0", true, 3478, 3478]
      media       = ["17", "0.0.0.0/0", true, 49152, 65535]
      turn_tcp    = ["6", "0.0.0.0/0", false, 3478, 3478]
      turns       = ["6", "0.0.0.0/0", false, 5349, 5349]
      turns_443   = ["6", "0.0.0.0/0", false, 443, 443]
      acme_http   = ["6", "0.0.0.0/0", false, 80, 80]
      ssh_bastion = ["6", "10.0.1.0/24", false, 22, 22]
    }
    error_message = "A port is open that has no reason, or closed that has one."
  }
  assert {
    condition = {
      for name, rule in oci_core_network_security_group_security_rule.mirror : name => [
        rule.direction, rule.protocol, rule.stateless, rule.udp_options[0].source_port_range[0].min, rule.udp_options[0].source_port_range[0].max,
      ]
      } == {
      turn_udp = ["EGRESS", "17", true, 3478, 3478]
      media    = ["EGRESS", "17", true, 49152, 65535]
    }
    error_message = "A stateless rule without its mirror lets nothing back."
  }
  assert {
    condition     = oci_core_network_security_group_security_rule.too_big.icmp_options[0].type == 3 && oci_core_network_security_group_security_rule.too_big.icmp_options[0].code == 4
    error_message = "Without ICMP 3/4 big packets vanish."
  }
  assert {
    condition     = length(coalesce(oci_core_security_list.none.ingress_security_rules, [])) == 0
    error_message = "The subnet's list has to stay empty: what it opens, the group cannot close."
  }
}

run "what_goes_out_of_the_group_is_named_as_well" {
  command = plan

  assert {
    condition = {
      for name, rule in oci_core_network_security_group_security_rule.out : name => [
        rule.direction, rule.protocol, rule.stateless, rule.destination,
        one(concat(rule.udp_options, rule.tcp_options)).destination_port_range[0].min,
        one(concat(rule.udp_options, rule.tcp_options)).destination_port_range[0].max,
      ]
      } == {
      https = ["EGRESS", "6", false, "0.0.0.0/0", 443, 443]
      http  = ["EGRESS", "6", false, "0.0.0.0/0", 80, 80]
      dns   = ["EGRESS", "17", false, "0.0.0.0/0", 53, 53]
      ntp   = ["EGRESS", "17", false, "0.0.0.0/0", 123, 123]
    }
    error_message = "The VM reaches more than it needs, or less."
  }
}

run "what_is_made_hangs_together" {
  command = plan
  override_resource {
    target          = oci_core_security_list.none
    override_during = plan
    values          = { id = "ocid1.securitylist.oc1..none" }
  }
  override_resource {
    target          = oci_core_network_security_group.relay
    override_during = plan
    values          = { id = "ocid1.networksecuritygroup.oc1..relay" }
  }
  override_resource {
    target          = oci_core_subnet.public
    override_during = plan
    values          = { id = "ocid1.subnet.oc1..public" }
  }
  override_resource {
    target          = oci_ons_notification_topic.alarms
    override_during = plan
    values          = { id = "ocid1.onstopic.oc1..alarms" }
  }
  override_resource {
    target          = oci_core_public_ip.relay
    override_during = plan
    values          = { ip_address = "192.0.2.7" }
  }
  variables {
    relay_ports   = { min = 40000, max = 42000 }
    total_quota   = 200
    acme          = { server = "https://acme.example.com/directory", eab_secret_id = "ocid1.vaultsecret.oc1..eab" }
    coturn_source = { version = "4.17.1", url = "https://example.com/coturn.tar.gz", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
  }

  assert {
    condition     = tolist(oci_core_subnet.public.security_list_ids) == tolist(["ocid1.securitylist.oc1..none"])
    error_message = "A subnet without a list of its own gets the one that opens port 22 to the world."
  }
  assert {
    condition     = tolist(oci_core_instance.relay["a"].create_vnic_details[0].nsg_ids) == tolist(["ocid1.networksecuritygroup.oc1..relay"])
    error_message = "The VM would not be in the group."
  }
  assert {
    condition     = oci_bastion_bastion.this[0].target_subnet_id == "ocid1.subnet.oc1..public" && oci_bastion_bastion.this[0].max_session_ttl_in_seconds == 10800
    error_message = "The bastion leads elsewhere, or for longer than it is said to."
  }
  assert {
    condition     = [for plugin in oci_core_instance.relay["a"].agent_config[0].plugins_config : [plugin.name, plugin.desired_state]] == [["Bastion", "ENABLED"]] && !oci_core_instance.relay["a"].agent_config[0].is_monitoring_disabled
    error_message = "Without the plugin the bastion has nobody to talk to; without monitoring every alarm but those of the network is dumb."
  }
  assert {
    condition     = alltrue([for alarm in values(oci_monitoring_alarm.this) : alarm.is_enabled && alarm.destinations == tolist(["ocid1.onstopic.oc1..alarms"])])
    error_message = "An alarm reaches nobody."
  }
  assert {
    condition     = oci_budget_budget.this.targets == tolist(["ocid1.compartment.oc1..c"]) && alltrue([for rule in values(oci_budget_alert_rule.this) : rule.recipients == "operator@example.com"])
    error_message = "The budget counts something else, or tells somebody else."
  }
  assert {
    condition     = tonumber(oci_core_instance.relay["a"].source_details[0].boot_volume_size_in_gbs) == 50 && data.oci_core_images.ubuntu.operating_system_version == "24.04"
    error_message = "Two volumes of 50 GB are free with room; the user-data is for Ubuntu 24.04."
  }
  assert {
    condition     = oci_vault_secret.turn.secret_generation_context[0].passphrase_length >= 32
    error_message = "A secret that short can be guessed from one credential."
  }
  assert {
    condition     = output.addresses == { "turn.example.com" = "192.0.2.7" } && output.secret_id == "ocid1.vaultsecret.oc1..made"
    error_message = "DNS or the rotation would go astray."
  }
  assert {
    condition     = endswith(oci_identity_policy.relays.statements[1], "where target.secret.id = 'ocid1.vaultsecret.oc1..eab'")
    error_message = "The relay could not read the key to its issuer, or could read others."
  }
  # What the VM is told is what was said here.
  assert {
    condition = alltrue([for line in [
      "MIN_PORT='40000'", "MAX_PORT='42000'", "SSH_SOURCES='10.0.1.0/24'", "VAULT_SECRET='ocid1.vaultsecret.oc1..made'",
      "ACME_SERVER='https://acme.example.com/directory'", "COTURN_VERSION='4.17.1'",
    ] : contains(split("\n", module.coturn["a"].files["/etc/webrtc-lite/relay.env"]), line)])
    error_message = "A variable does not reach the VM."
  }
  assert {
    condition     = alltrue([for line in ["min-port=40000", "max-port=42000", "total-quota=200", "realm=example.com"] : contains(split("\n", module.coturn["a"].turnserver_conf), line)])
    error_message = "A variable does not reach Coturn."
  }
}

run "ssh_from_a_named_range_takes_the_place_of_the_bastion" {
  command = plan
  variables {
    ssh_sources = ["198.51.100.7/32"]
  }
  assert {
    condition     = length(oci_bastion_bastion.this) == 0
    error_message = "One way in is enough."
  }
  assert {
    condition     = oci_core_network_security_group_security_rule.ingress["ssh 198.51.100.7/32"].source == "198.51.100.7/32"
    error_message = "The named range does not get in."
  }
}

run "several_relays_are_one_variable_and_one_may_be_on_its_way_out" {
  command = plan
  variables {
    relays = {
      a = { host = "turn-1.example.com", region = "eu", weight = 3 }
      b = { host = "turn-2.example.com", region = "eu", listed = false, availability_domain = 2 }
    }
  }
  assert {
    condition     = length(oci_core_instance.relay) == 2 && length(oci_core_public_ip.relay) == 2
    error_message = "Each relay has a VM and an address of its own, listed or not."
  }
  assert {
    condition     = oci_core_instance.relay["b"].availability_domain == "XyZa:EU-FRANKFURT-1-AD-2"
    error_message = "A relay may stand in another availability domain than the rest."
  }
  assert {
    condition     = [for relay in output.relays : [relay.host, relay.region, relay.weight]] == [["turn-1.example.com", "eu", 3]]
    error_message = "A relay that is not listed may not reach the functions."
  }
  assert {
    condition     = length([for name in keys(oci_monitoring_alarm.this) : name if startswith(name, "absent_")]) == 2
    error_message = "Each relay is missed by an alarm of its own."
  }
}

run "no_secret_is_known_to_terraform" {
  command = plan
  assert {
    condition     = oci_vault_secret.turn.enable_auto_generation && length(oci_vault_secret.turn.secret_content) == 0
    error_message = "OCI makes the secret; Terraform would keep it in its state."
  }
  assert {
    condition     = join(" ", keys(oci_core_instance.relay["a"].metadata)) == "ssh_authorized_keys user_data"
    error_message = "Metadata is read by everybody on the VM."
  }
  assert {
    condition     = length(jsonencode(oci_core_instance.relay["a"].metadata)) < 32000
    error_message = "OCI takes 32,000 bytes of metadata."
  }
}

run "a_relay_may_read_its_secret_and_nothing_else" {
  command = plan
  override_resource {
    target          = oci_core_instance.relay
    override_during = plan
    values          = { id = "ocid1.instance.oc1..made", private_ip = "10.0.1.2" }
  }
  assert {
    condition     = join("; ", oci_identity_policy.relays.statements) == "Allow dynamic-group webrtc-lite-relays to read secret-bundles in compartment id ocid1.compartment.oc1..c where target.secret.name = 'turn-shared-secret'"
    error_message = "The policy grants something else."
  }
  assert {
    condition     = oci_identity_dynamic_group.relays.matching_rule == "ANY {instance.id = 'ocid1.instance.oc1..made'}"
    error_message = "Somebody else's VM would be taken for a relay."
  }
}

run "alarms_and_budget_reach_a_person" {
  command = plan
  override_resource {
    target          = oci_core_instance.relay
    override_during = plan
    values          = { id = "ocid1.instance.oc1..made", private_ip = "10.0.1.2" }
  }
  assert {
    condition     = oci_ons_subscription.email.endpoint == "operator@example.com" && oci_ons_subscription.email.protocol == "EMAIL"
    error_message = "Nobody would hear of anything."
  }
  assert {
    condition     = alltrue([for name in ["traffic", "conntrack", "throttled", "cpu", "absent_a"] : contains(keys(oci_monitoring_alarm.this), name)])
    error_message = "An alarm is missing."
  }
  assert {
    condition     = oci_monitoring_alarm.this["traffic"].query == "VnicToNetworkBytes[1d].grouping().sum() > 266666666666"
    error_message = "8 TB in 30 days are 266 GB a day, of all relays together."
  }
  assert {
    condition     = [oci_monitoring_alarm.this["absent_a"].query, oci_monitoring_alarm.this["absent_a"].pending_duration] == ["CpuUtilization[5m]{resourceId = \"ocid1.instance.oc1..made\"}.groupBy(resourceId).absent(3d)", "PT15M"]
    error_message = "A VM that is gone for 20 minutes has to be missed, and to be missed for as long as OCI can: the number in absent() ends the alarm."
  }
  # Metric, interval that an alarm may have, dimensions, grouping, statistic, and a number to compare with (MQL reference).
  assert {
    condition     = alltrue([for alarm in values(oci_monitoring_alarm.this) : can(regex("^[A-Z][A-Za-z]+\\[([1-9]|[1-5][0-9]|60)m\\]|^[A-Z][A-Za-z]+\\[1d\\]", alarm.query)) && can(regex("\\](\\{resourceId = \"[^\"]+\"\\})?(\\.grouping\\(\\)|\\.groupBy\\(resourceId\\))?\\.((max|mean|sum)\\(\\) > [0-9]+|absent\\(([1-9]|[1-5][0-9]|60)m\\)|absent\\([1-3]d\\))$", alarm.query))])
    error_message = "A query that OCI would not take."
  }
  assert {
    condition     = alltrue([for alarm in values(oci_monitoring_alarm.this) : can(regex("^PT([1-9]|[1-5][0-9]|60)M$", alarm.pending_duration)) && strcontains(alarm.body, "README: alarm ")])
    error_message = "An alarm waits an hour at most, and says where its remedy stands."
  }
  assert {
    condition     = { for name, rule in oci_budget_alert_rule.this : name => [rule.type, rule.threshold] } == { spent = ["ACTUAL", 1], forecast = ["FORECAST", 100] }
    error_message = "The first cent has to be news."
  }
}

run "arm_with_a_new_coturn_is_a_choice" {
  command = plan
  variables {
    shape = "VM.Standard.A1.Flex"
    coturn_source = {
      version = "4.17.1"
      url     = "https://example.com/coturn-4.17.1.tar.gz"
      sha256  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }
  }
  assert {
    condition     = oci_core_instance.relay["a"].shape_config[0].ocpus == 1 && oci_core_instance.relay["a"].shape_config[0].memory_in_gbs == 6
    error_message = "More than this for each of two relays is not free."
  }
}

run "arm_with_the_distributions_coturn_is_refused" {
  command = plan
  variables {
    shape = "VM.Standard.A1.Flex"
  }
  expect_failures = [var.shape]
}

run "arm_with_an_old_pinned_coturn_is_refused" {
  command = plan
  variables {
    shape         = "VM.Standard.A1.Flex"
    coturn_source = { version = "4.9.0", url = "https://example.com/coturn.tar.gz", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
  }
  expect_failures = [var.coturn_source]
}

run "a_shape_that_costs_money_is_refused" {
  command = plan
  variables {
    shape = "VM.Standard.E4.Flex"
  }
  expect_failures = [var.shape]
}

run "an_availability_domain_that_the_region_has_not_says_so" {
  command = plan
  variables {
    availability_domain = 3
  }
  expect_failures = [oci_core_instance.relay["a"]]
}

run "an_availability_domain_is_a_number_from_1_to_3" {
  command = plan
  variables {
    availability_domain = 4
  }
  expect_failures = [var.availability_domain]
}

run "ssh_from_everywhere_is_refused" {
  command = plan
  variables {
    ssh_sources = ["0.0.0.0/0"]
  }
  expect_failures = [var.ssh_sources]
}

run "ssh_from_an_overwide_range_is_refused" {
  command = plan
  variables {
    ssh_sources = ["10.0.0.0/8"]
  }
  expect_failures = [var.ssh_sources]
}

run "a_private_key_is_refused" {
  command = plan
  variables {
    ssh_public_key = "-----BEGIN OPENSSH PRIVATE KEY-----"
  }
  expect_failures = [var.ssh_public_key]
}

run "ports_that_collide_are_refused" {
  command = plan
  variables {
    relay_ports = { min = 3000, max = 65535 }
  }
  expect_failures = [var.relay_ports]
}

run "a_realm_that_is_no_name_is_refused" {
  command = plan
  variables {
    realm = "my realm"
  }
  expect_failures = [var.realm]
}

run "two_relays_of_one_name_are_refused" {
  command = plan
  variables {
    relays = { a = { host = "turn.example.com" }, b = { host = "turn.example.com" } }
  }
  expect_failures = [var.relays]
}

run "no_relay_at_all_is_refused" {
  command = plan
  variables {
    relays = {}
  }
  expect_failures = [var.relays]
}

run "a_pool_of_which_nothing_is_listed_is_refused" {
  command = plan
  variables {
    relays = { a = { host = "turn.example.com", listed = false } }
  }
  expect_failures = [var.relays]
}

run "an_id_of_another_kind_is_refused" {
  command = plan
  variables {
    tenancy_id     = "ocid1.compartment.oc1..c"
    compartment_id = "ocid1.tenancy.oc1..t"
  }
  expect_failures = [var.tenancy_id, var.compartment_id]
}

run "a_region_is_an_identifier" {
  command = plan
  variables {
    region = "Frankfurt"
  }
  expect_failures = [var.region]
}

run "an_alarm_needs_a_mail_address" {
  command = plan
  variables {
    alarm_email = "operator"
  }
  expect_failures = [var.alarm_email]
}

run "an_alarm_above_what_is_free_comes_too_late" {
  command = plan
  variables {
    traffic_alarm_tb = 20
  }
  expect_failures = [var.traffic_alarm_tb]
}

run "an_address_with_the_length_of_a_range_is_refused" {
  command = plan
  variables {
    ssh_sources = ["198.51.100.7/24"]
  }
  expect_failures = [var.ssh_sources]
}

run "a_range_that_stands_twice_is_refused" {
  command = plan
  variables {
    ssh_sources = ["198.51.100.7/32", "198.51.100.7/32"]
  }
  expect_failures = [var.ssh_sources]
}

run "the_bastion_takes_ranges_as_well" {
  command = plan
  variables {
    bastion_sources = ["198.51.100.7/24"]
  }
  expect_failures = [var.bastion_sources]
}

run "an_issuer_without_tls_is_refused" {
  command = plan
  variables {
    acme = { server = "http://acme.example.com/directory" }
  }
  expect_failures = [var.acme]
}

run "a_third_relay_costs_money_and_is_said_to" {
  command = plan
  variables {
    relays = { a = { host = "turn-1.example.com" }, b = { host = "turn-2.example.com" }, c = { host = "turn-3.example.com" } }
  }
  expect_failures = [check.always_free]
}
