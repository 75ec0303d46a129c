data "aws_region" "current" {}

# EC2's own events (docs/events.md): the end of a copy is noticed at once, and regions are polled more rarely.
module "events" {
  source = "../events/terraform"
  count  = var.listen_to_events ? 1 : 0

  home_region      = data.aws_region.current.region
  regions          = var.regions
  queue_name       = "${var.name}-events"
  worker_role_name = aws_iam_role.this["worker"].name
  organization_id  = var.organization_id
}
