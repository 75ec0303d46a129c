data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # The policies of docs/iam.md, from the same files, with your account, regions and partition in place of the examples'.
  policies = {
    for name in ["api", "worker", "worker-share", "worker-grant-keys"] : name => replace(
      replace(
        replace(
          replace(file("${path.module}/../iam/${name}.json"), "111111111111", data.aws_caller_identity.current.account_id),
          "[\"us-east-1\", \"eu-west-1\", \"us-west-2\"]", jsonencode(var.regions)
        ),
        "arn:aws:", "arn:${data.aws_partition.current.partition}:"
      ),
      "ec2.*.amazonaws.com", "ec2.*.${data.aws_partition.current.dns_suffix}"
    )
  }

  policies_of = {
    api = ["api"]
    worker = concat(
      ["worker"],
      var.allow_sharing ? ["worker-share"] : [],
      var.allow_key_grants ? ["worker-grant-keys"] : [],
    )
  }

  attached = merge([
    for process, names in local.policies_of : { for name in names : name => process }
  ]...)

  # What follows "oidc-provider/" in the ARN: the issuer, without https://.
  oidc_issuer = element(split("oidc-provider/", var.oidc_provider_arn), 1)
}

# A role each for API and worker, which only the pods with their service account get.
resource "aws_iam_role" "this" {
  for_each = local.policies_of

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.oidc_provider_arn }
      Condition = {
        StringEquals = {
          "${local.oidc_issuer}:aud" = "sts.amazonaws.com"
          "${local.oidc_issuer}:sub" = "system:serviceaccount:${var.namespace}:amiferry-${each.key}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.attached

  name   = each.key
  role   = aws_iam_role.this[each.value].id
  policy = local.policies[each.key]
}
