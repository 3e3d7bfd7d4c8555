# What the controller may do in a proxy's account. It never reads a secret, and gives nobody a role but the tasks theirs.

locals {
  ecs                 = "arn:${var.partition}:ecs:${var.region}:${var.account_id}"
  cluster_arn         = "${local.ecs}:cluster/${var.cluster_name}"
  service_arn         = "${local.ecs}:service/${var.cluster_name}/*"
  tagged_installation = { "aws:ResourceTag/sallyport.dev/installation" = var.installation }

  account_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadService"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices"]
        Resource = [local.service_arn]
      },
      {
        Sid       = "ReadTasks"
        Effect    = "Allow"
        Action    = ["ecs:ListTasks", "ecs:DescribeTasks"]
        Resource  = ["*"]
        Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
      },
      {
        # AWS knows no resource for this call.
        Sid      = "ReadDefinitions"
        Effect   = "Allow"
        Action   = ["ecs:DescribeTaskDefinition"]
        Resource = ["*"]
      },
      {
        Sid       = "CreateService"
        Effect    = "Allow"
        Action    = ["ecs:CreateService"]
        Resource  = [local.service_arn]
        Condition = { StringEquals = { "aws:RequestTag/sallyport.dev/installation" = var.installation } }
      },
      {
        Sid       = "ChangeOwnService"
        Effect    = "Allow"
        Action    = ["ecs:UpdateService", "ecs:DeleteService"]
        Resource  = [local.service_arn]
        Condition = { StringEquals = local.tagged_installation }
      },
      {
        Sid       = "RegisterDefinition"
        Effect    = "Allow"
        Action    = ["ecs:RegisterTaskDefinition"]
        Resource  = ["${local.ecs}:task-definition/${var.task_definition_family}:*"]
        Condition = { StringEquals = { "aws:RequestTag/sallyport.dev/installation" = var.installation } }
      },
      {
        # Tags while creating, never of what is there.
        Sid       = "TagOnCreation"
        Effect    = "Allow"
        Action    = ["ecs:TagResource"]
        Resource  = [local.service_arn, "${local.ecs}:task-definition/${var.task_definition_family}:*"]
        Condition = { StringEquals = { "ecs:CreateAction" = ["CreateService", "RegisterTaskDefinition"] } }
      },
      {
        Sid       = "GiveTasksTheirRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [var.task_role_arn, var.execution_role_arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        # AWS knows no resource for this call.
        Sid      = "FindRoles"
        Effect   = "Allow"
        Action   = ["iam:ListRoles"]
        Resource = ["*"]
      },
      {
        # The roles that Identity Center made, and the tasks' own, whose ID proves who a proxy is.
        Sid    = "ReadRoles"
        Effect = "Allow"
        Action = ["iam:GetRole"]
        Resource = [
          "arn:${var.partition}:iam::${var.account_id}:role/aws-reserved/sso.amazonaws.com/*",
          var.task_role_arn,
        ]
      },
      {
        # AWS knows no resource for this call.
        Sid      = "FindSessions"
        Effect   = "Allow"
        Action   = ["ssm:DescribeSessions"]
        Resource = ["*"]
      },
      {
        # Whose sessions cannot be told here: a session carries its owner's tags, and those differ from grant to grant.
        Sid      = "EndSessions"
        Effect   = "Allow"
        Action   = ["ssm:TerminateSession"]
        Resource = ["arn:${var.partition}:ssm:${var.region}:${var.account_id}:session/*"]
      },
      {
        Sid    = "ResolveEndpoints"
        Effect = "Allow"
        Action = ["rds:DescribeDBInstances", "rds:DescribeDBClusters"]
        Resource = [
          "arn:${var.partition}:rds:${var.region}:${var.account_id}:db:*",
          "arn:${var.partition}:rds:${var.region}:${var.account_id}:cluster:*",
        ]
      },
    ]
  }

  account_trust = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { AWS = var.trusted_principal_arns }
      # Whoever may ask the controller to act must not be able to name somebody else's role to it.
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  }
}
