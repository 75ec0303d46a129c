# EC2's own events for amiferry (docs/events.md):
#
#   EC2 → default event bus ──────────────────────────▶ rule → queue → worker       in the queue's region
#   EC2 → default event bus → rule → the queue's region's default event bus         in each other one
#
#   EC2 of another account → … → the accounts' event bus → rule → queue → worker      with organization_id
#
# A rule can send to a queue of its own region only, and to an event bus of any.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first in which a resource may be in another region than its provider.
      version = ">= 6.0"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account  = data.aws_caller_identity.current.account_id
  home_bus = "arn:${data.aws_partition.current.partition}:events:${var.home_region}:${local.account}:event-bus/default"
  others   = setsubtract(var.regions, [var.home_region])

  pattern = {
    source      = ["aws.ec2"]
    detail-type = ["EC2 AMI State Change"]
    detail      = { State = ["available", "failed", "deregistered", "disabled"] }
  }
  own_pattern = merge(local.pattern, { account = [local.account] })
}

# --- The queue's region ---

resource "aws_sqs_queue" "events" {
  region = var.home_region
  name   = var.queue_name

  # After an hour an event is worth nothing: polling has found what it tells long since.
  message_retention_seconds  = 3600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 30

  # Encrypted under SQS' own key, which EventBridge may use. A customer key would have to allow events.amazonaws.com
  # kms:GenerateDataKey and kms:Decrypt, and the worker kms:Decrypt.
  sqs_managed_sse_enabled = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

# What no worker could take five times (Redis was away), and what EventBridge could not deliver. Nothing of it is needed
# for a job to go on; a message here means that something is set up wrongly.
resource "aws_sqs_queue" "dead" {
  region                    = var.home_region
  name                      = "${var.queue_name}-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "events" {
  for_each = {
    events = aws_sqs_queue.events
    dead   = aws_sqs_queue.dead
  }

  region    = var.home_region
  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTheRulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = each.value.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = concat([aws_cloudwatch_event_rule.home.arn], aws_cloudwatch_event_rule.accounts[*].arn) }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      {
        Sid       = "OnlyByTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "home" {
  region        = var.home_region
  name          = var.queue_name
  description   = "EC2's AMI events of this account to amiferry's queue"
  event_pattern = jsonencode(local.own_pattern)
}

resource "aws_cloudwatch_event_target" "queue" {
  region    = var.home_region
  rule      = aws_cloudwatch_event_rule.home.name
  target_id = "queue"
  # No role_arn: EventBridge may send by the queue's own policy.
  arn = aws_sqs_queue.events.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 10
  }
}

# --- Each other region ---

resource "aws_iam_role" "forward" {
  name        = "${var.queue_name}-forward"
  description = "Lets EventBridge forward EC2's AMI events to the region of amiferry's queue"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "forward" {
  name = "forward"
  role = aws_iam_role.forward.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = local.home_bus
    }]
  })
}

resource "aws_cloudwatch_event_rule" "forward" {
  for_each = local.others

  region      = each.value
  name        = "${var.queue_name}-forward"
  description = "EC2's AMI events of this account and region to the region of amiferry's queue"
  # Of this region alone: what other regions forward here is not sent on.
  event_pattern = jsonencode(merge(local.own_pattern, { region = [each.value] }))
}

resource "aws_cloudwatch_event_target" "forward" {
  for_each = local.others

  region    = each.value
  rule      = aws_cloudwatch_event_rule.forward[each.value].name
  target_id = "home"
  arn       = local.home_bus
  role_arn  = aws_iam_role.forward.arn

  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 10
  }
}

# --- Other accounts, which forward to a bus of its own: so what they put into it reaches no other rule of this account ---

resource "aws_cloudwatch_event_bus" "accounts" {
  count = var.organization_id == null ? 0 : 1

  region = var.home_region
  name   = "${var.queue_name}-accounts"
}

resource "aws_cloudwatch_event_bus_policy" "accounts" {
  count = var.organization_id == null ? 0 : 1

  region         = var.home_region
  event_bus_name = aws_cloudwatch_event_bus.accounts[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OrganizationForwards"
      Effect    = "Allow"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = aws_cloudwatch_event_bus.accounts[0].arn
      Condition = { StringEquals = { "aws:PrincipalOrgID" = var.organization_id } }
    }]
  })
}

resource "aws_cloudwatch_event_rule" "accounts" {
  count = var.organization_id == null ? 0 : 1

  region         = var.home_region
  name           = "${var.queue_name}-accounts"
  description    = "EC2's AMI events of other accounts to amiferry's queue"
  event_bus_name = aws_cloudwatch_event_bus.accounts[0].name
  # Of any account: the bus's policy decides which may send. EventBridge leaves the event's account and region as they are.
  event_pattern = jsonencode(local.pattern)
}

resource "aws_cloudwatch_event_target" "accounts" {
  count = var.organization_id == null ? 0 : 1

  region         = var.home_region
  rule           = aws_cloudwatch_event_rule.accounts[0].name
  event_bus_name = aws_cloudwatch_event_bus.accounts[0].name
  target_id      = "queue"
  arn            = aws_sqs_queue.events.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 10
  }
}

# --- The worker ---

resource "aws_iam_role_policy" "worker" {
  count = var.worker_role_name == null ? 0 : 1

  name = "${var.queue_name}-read"
  role = var.worker_role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "HearEc2Events"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
      Resource = aws_sqs_queue.events.arn
    }]
  })
}
