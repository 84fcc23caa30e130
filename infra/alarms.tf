resource "oci_ons_notification_topic" "alarms" {
  compartment_id = var.compartment_id
  name           = "webrtc-lite-alarms"
  description    = "What the operator of the relays has to hear of"
}

resource "oci_ons_subscription" "email" {
  compartment_id = var.compartment_id
  topic_id       = oci_ons_notification_topic.alarms.id
  protocol       = "EMAIL"
  endpoint       = var.alarm_email
}

locals {
  # What to do at three in the morning stands in README.md under the same names.
  alarms = merge(
    {
      traffic = {
        namespace = "oci_vcn"
        # 10 TB leave the tenancy free in a month: the day's share of them, all relays together.
        query    = "VnicToNetworkBytes[1d].grouping().sum() > ${floor(var.traffic_alarm_tb * 1000000000000 / 30)}"
        severity = "WARNING"
        pending  = "PT1M"
        body     = "At this rate more than ${var.traffic_alarm_tb} TB leave in a month; beyond 10 TB OCI charges. README: alarm traffic."
      }
      conntrack = {
        namespace = "oci_vcn"
        query     = "VnicConntrackIsFull[1m].max() > 0"
        severity  = "CRITICAL"
        pending   = "PT3M"
        body      = "A relay's table of connections is full: new TCP and TLS clients are refused. README: alarm conntrack."
      }
      throttled = {
        namespace = "oci_vcn"
        query     = "VnicEgressDropsThrottle[5m].sum() > 1000"
        severity  = "WARNING"
        pending   = "PT10M"
        body      = "A relay sends more than its shape may and drops media: calls sound bad. README: alarm throttled."
      }
      cpu = {
        namespace = "oci_computeagent"
        query     = "CpuUtilization[5m].mean() > 90"
        severity  = "WARNING"
        pending   = "PT15M"
        body      = "A relay has been out of CPU for a quarter of an hour. README: alarm cpu."
      }
    },
    {
      for name, relay in oci_core_instance.relay : "absent_${name}" => {
        namespace = "oci_computeagent"
        # Three days, the most there is: what stands in absent() is how long OCI looks for a metric that is gone. After it
        # the alarm would say that all is well.
        query    = "CpuUtilization[5m]{resourceId = \"${relay.id}\"}.groupBy(resourceId).absent(3d)"
        severity = "CRITICAL"
        pending  = "PT15M"
        body     = "Relay ${name} (${var.relays[name].host}) has not been heard of for 20 minutes. README: alarm absent."
      }
    },
  )
}

resource "oci_monitoring_alarm" "this" {
  for_each = local.alarms

  compartment_id               = var.compartment_id
  metric_compartment_id        = var.compartment_id
  display_name                 = "webrtc-lite ${each.key}"
  namespace                    = each.value.namespace
  query                        = each.value.query
  severity                     = each.value.severity
  pending_duration             = each.value.pending
  body                         = each.value.body
  destinations                 = [oci_ons_notification_topic.alarms.id]
  repeat_notification_duration = "PT4H"
  message_format               = "ONS_OPTIMIZED"
  is_enabled                   = true
}
