# MemoryDB, not ElastiCache: a job that was accepted has to outlive its Redis. MemoryDB writes to a log in several zones before it
# answers; ElastiCache has no append-only file since Redis 2.8.22, and a failover there loses what was not replicated yet.

resource "aws_memorydb_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_memorydb_parameter_group" "this" {
  name   = var.name
  family = "memorydb_redis7"

  # Full means full: any other policy would throw away jobs, and /health/ready fails with it.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_security_group" "redis" {
  name        = "${var.name}-redis"
  description = "Redis of ${var.name}"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "redis" {
  for_each = toset(var.client_security_group_ids)

  security_group_id            = aws_security_group.redis.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

# Without special characters, as it stands in a URL.
resource "random_password" "redis" {
  for_each = toset(["service", "keda"])

  length  = 48
  special = false
}

locals {
  # What each may do in Redis: test/deploy/terraform.test.ts runs the service with them.
  redis_users = {
    service = "on ~{amiferry}:* resetchannels &{amiferry}:* +@all -@admin -@dangerous +info"
    keda    = "on ~{amiferry}:steps:wait ~{amiferry}:webhooks:wait resetchannels -@all +ping +hello +command +cluster|slots +cluster|shards +eval +evalsha +type +llen"
  }
}

resource "aws_memorydb_user" "this" {
  for_each = local.redis_users

  user_name     = "${var.name}-${each.key}"
  access_string = each.value

  authentication_mode {
    type      = "password"
    passwords = [random_password.redis[each.key].result]
  }
}

resource "aws_memorydb_acl" "this" {
  name       = var.name
  user_names = [for user in aws_memorydb_user.this : user.user_name]
}

# One shard, since all keys are of one hash tag: docs/scale.md says how far it goes, and what comes then.
resource "aws_memorydb_cluster" "this" {
  name                       = var.name
  engine                     = "redis"
  engine_version             = var.redis_engine_version
  node_type                  = var.redis_node_type
  num_shards                 = 1
  num_replicas_per_shard     = var.redis_replicas
  acl_name                   = aws_memorydb_acl.this.name
  parameter_group_name       = aws_memorydb_parameter_group.this.name
  subnet_group_name          = aws_memorydb_subnet_group.this.name
  security_group_ids         = [aws_security_group.redis.id]
  tls_enabled                = true
  auto_minor_version_upgrade = true
  snapshot_retention_limit   = 7
  final_snapshot_name        = "${var.name}-final"
}
