# Everything here is Always Free: the first cent is news. Budgets live in the root of the tenancy.
resource "oci_budget_budget" "this" {
  compartment_id = var.tenancy_id
  display_name   = "webrtc-lite"
  description    = "The relays of WebRTC-Lite, which cost nothing"
  amount         = 1
  reset_period   = "MONTHLY"
  target_type    = "COMPARTMENT"
  targets        = [var.compartment_id]
}

resource "oci_budget_alert_rule" "this" {
  for_each = {
    spent    = { type = "ACTUAL", threshold = 1, message = "The relays have cost something. infra/README.md: what it costs." }
    forecast = { type = "FORECAST", threshold = 100, message = "The relays are about to cost one unit of currency this month. infra/README.md: what it costs." }
  }

  budget_id      = oci_budget_budget.this.id
  display_name   = "webrtc-lite-${each.key}"
  type           = each.value.type
  threshold      = each.value.threshold
  threshold_type = "PERCENTAGE"
  recipients     = var.alarm_email
  message        = each.value.message
}
