# What the proxy's tasks may do, and what ECS may do to start them.

locals {
  tasks_arn = "${local.ecs}:task/${var.cluster_name}/*"

  task_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # The tunnel: the SSM agent that ECS puts into the task (ECS developer guide, "ECS Exec"). AWS knows no resource for these.
          Sid    = "CarryTunnels"
          Effect = "Allow"
          Action = [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
          ]
          Resource = ["*"]
        },
        {
          # Only secrets that say that they are for this Proxy.
          Sid       = "ReadOwnSecrets"
          Effect    = "Allow"
          Action    = ["secretsmanager:GetSecretValue"]
          Resource  = ["arn:${var.partition}:secretsmanager:${var.region}:${var.account_id}:secret:*"]
          Condition = { StringEquals = { "aws:ResourceTag/sallyport.dev/proxy" = var.proxy_key } }
        },
        {
          # A task that carries sessions asks not to be stopped. The agent in the task makes the calls with this role.
          Sid       = "ProtectItself"
          Effect    = "Allow"
          Action    = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
          Resource  = [local.tasks_arn]
          Condition = { StringEquals = { "aws:ResourceTag/sallyport.dev/proxy" = var.proxy_key } }
        },
      ],
      length(var.secret_kms_key_arns) == 0 ? [] : [{
        Sid       = "DecryptSecrets"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = var.secret_kms_key_arns
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
      }],
      length(var.iam_database_users) == 0 ? [] : [{
        Sid      = "LogInWithIAM"
        Effect   = "Allow"
        Action   = ["rds-db:connect"]
        Resource = var.iam_database_users
      }],
    )
  }

  execution_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:${var.log_group_name}:log-stream:*"]
      }],
      length(var.image_repository_arns) == 0 ? [] : [
        {
          # AWS knows no resource for this call.
          Sid      = "LogInToRegistry"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = ["*"]
        },
        {
          Sid      = "PullImage"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = var.image_repository_arns
        },
      ],
    )
  }

  tasks_trust = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      # ECS acts for tasks of this account only (ECS developer guide, "confused deputy").
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "${local.ecs}:*" }
      }
    }]
  }
}
