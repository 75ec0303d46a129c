# The role that amiferry assumes in another account (docs/accounts.md). Use the module once for each account, with a provider for
# that account. It was not applied to a real account.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id

  # The policies of docs/iam.md, from the same files, with this account, its regions and partition in place of the examples'.
  files = {
    for name in ["api", "worker", "worker-share", "worker-grant-keys"] : name => replace(
      replace(
        replace(
          replace(file("${path.module}/../../iam/${name}.json"), "111111111111", local.account),
          "[\"us-east-1\", \"eu-west-1\", \"us-west-2\"]", jsonencode(var.regions)
        ),
        "arn:aws:", "arn:${data.aws_partition.current.partition}:"
      ),
      "ec2.*.amazonaws.com", "ec2.*.${data.aws_partition.current.dns_suffix}"
    )
  }

  # For the keys of the sources: KMS asks for these statements in the key's account and in this one.
  source_keys = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in jsondecode(local.files["worker"]).Statement : merge(statement, { Resource = var.source_key_arns })
      if contains(["UseKeysThroughEc2", "GrantKeysToEc2"], statement.Sid)
    ]
  })

  policies = merge(
    { for name in ["api", "worker"] : name => local.files[name] },
    length(var.source_key_arns) > 0 ? { "source-keys" = local.source_keys } : {},
    var.allow_sharing ? { "worker-share" = local.files["worker-share"] } : {},
    var.allow_key_grants ? { "worker-grant-keys" = local.files["worker-grant-keys"] } : {},
  )

  forwarding = var.event_bus_arn == null ? toset([]) : toset(var.regions)
}

resource "aws_iam_role" "target" {
  name        = var.role_name
  description = "Lets amiferry copy and share AMIs in this account"
  # IAM's minimum, and what the service asks for. If a role assumes another role, AWS limits the session to an hour.
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AmiferryWithTheExternalId"
      Effect    = "Allow"
      Principal = { AWS = var.trusted_role_arns }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "target" {
  for_each = local.policies

  name   = each.key
  role   = aws_iam_role.target.id
  policy = each.value
}

# --- EC2's AMI events to amiferry's event bus, with event_bus_arn (docs/events.md) ---

resource "aws_iam_role" "forward" {
  count = var.event_bus_arn == null ? 0 : 1

  name        = "${var.role_name}-forward"
  description = "Lets EventBridge forward EC2's AMI events to amiferry's event bus"
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
  count = var.event_bus_arn == null ? 0 : 1

  name = "forward"
  role = aws_iam_role.forward[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = var.event_bus_arn
    }]
  })
}

resource "aws_cloudwatch_event_rule" "forward" {
  for_each = local.forwarding

  region      = each.value
  name        = "${var.role_name}-forward"
  description = "EC2's AMI events of this account and region to amiferry's event bus"
  event_pattern = jsonencode({
    source      = ["aws.ec2"]
    detail-type = ["EC2 AMI State Change"]
    # Of this account and region alone: what others forward here is not sent on.
    account = [local.account]
    region  = [each.value]
    detail  = { State = ["available", "failed", "deregistered", "disabled"] }
  })
}

resource "aws_cloudwatch_event_target" "forward" {
  for_each = local.forwarding

  region    = each.value
  rule      = aws_cloudwatch_event_rule.forward[each.value].name
  target_id = "amiferry"
  arn       = var.event_bus_arn
  # The bus's policy allows the organization's roles; without a role there is none to allow.
  role_arn = aws_iam_role.forward[0].arn

  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 10
  }
}
