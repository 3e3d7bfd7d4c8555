# One Proxy's account and VPC: its ECS cluster, the roles of its tasks, the role that the controller takes here, and the way to the
# databases. Service and task definition are the controller's own (managementPolicy: Manage).

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

module "policies" {
  source = "../policies"

  installation           = var.installation
  partition              = data.aws_partition.current.partition
  region                 = data.aws_region.current.name
  account_id             = data.aws_caller_identity.current.account_id
  proxy_key              = var.proxy_key
  cluster_name           = var.cluster_name
  task_definition_family = var.task_definition_family
  task_role_arn          = aws_iam_role.task.arn
  execution_role_arn     = aws_iam_role.execution.arn
  log_group_name         = var.log_group_name
  secret_kms_key_arns    = var.secret_kms_key_arns
  iam_database_users     = var.iam_database_users
  image_repository_arns  = var.image_repository_arns
  trusted_principal_arns = [var.controller_role_arn]
  external_id            = coalesce(var.external_id, "sallyport:${var.installation}")
}

resource "aws_ecs_cluster" "this" {
  name = var.cluster_name
  tags = var.tags
}

resource "aws_cloudwatch_log_group" "proxy" {
  name              = var.log_group_name
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_iam_role" "task" {
  name               = "${var.name_prefix}-task"
  description        = "Tasks of the Sallyport Proxy ${var.proxy_key}."
  assume_role_policy = module.policies.tasks_trust
  tags               = var.tags
}

resource "aws_iam_role_policy" "task" {
  name   = "sallyport"
  role   = aws_iam_role.task.id
  policy = module.policies.task_policy
}

resource "aws_iam_role" "execution" {
  name               = "${var.name_prefix}-execution"
  description        = "Starts tasks of the Sallyport Proxy ${var.proxy_key}."
  assume_role_policy = module.policies.tasks_trust
  tags               = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "sallyport"
  role   = aws_iam_role.execution.id
  policy = module.policies.execution_policy
}

resource "aws_iam_role" "account" {
  name                 = var.account_role_name
  description          = "Taken by the Sallyport controller of the installation ${var.installation}."
  assume_role_policy   = module.policies.account_trust
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy" "account" {
  name   = "sallyport"
  role   = aws_iam_role.account.id
  policy = module.policies.account_policy
}

# Nobody connects to a task from the network: tunnels come through Session Manager.
resource "aws_security_group" "proxy" {
  name        = var.name_prefix
  description = "Tasks of the Sallyport Proxy ${var.proxy_key}"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "control" {
  for_each = toset(var.egress_cidr_blocks)

  security_group_id = aws_security_group.proxy.id
  description       = "The controller and AWS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_egress_rule" "database" {
  for_each = var.databases

  security_group_id            = aws_security_group.proxy.id
  description                  = "The database ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  referenced_security_group_id = each.value.security_group_id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each = var.databases

  security_group_id            = each.value.security_group_id
  description                  = "The Sallyport Proxy ${var.proxy_key}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  referenced_security_group_id = aws_security_group.proxy.id
}
