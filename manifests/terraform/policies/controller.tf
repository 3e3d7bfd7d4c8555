# What the controller may do in the account of IAM Identity Center: make, change and delete permission sets that carry the installation's
# tag, and assign them in the proxies' accounts. What AWS cannot limit, docs/install.md says.

locals {
  # …instance/ssoins-1234567890abcdef
  permission_sets_arn = "arn:${var.partition}:sso:::permissionSet/${element(split("/", var.identity_center_instance_arn), 1)}/*"
  account_arns        = [for id in var.proxy_account_ids : "arn:${var.partition}:sso:::account/${id}"]

  controller_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # AWS knows no resource for this call.
          Sid      = "FindInstance"
          Effect   = "Allow"
          Action   = ["sso:ListInstances"]
          Resource = ["*"]
        },
        {
          Sid    = "ReadSets"
          Effect = "Allow"
          Action = [
            "sso:DescribePermissionSet",
            "sso:GetInlinePolicyForPermissionSet",
            "sso:ListPermissionSets",
            "sso:ListTagsForResource",
          ]
          Resource = [var.identity_center_instance_arn, local.permission_sets_arn]
        },
        {
          Sid    = "ReadAssignments"
          Effect = "Allow"
          Action = [
            "sso:DescribeAccountAssignmentCreationStatus",
            "sso:DescribeAccountAssignmentDeletionStatus",
            "sso:DescribePermissionSetProvisioningStatus",
            "sso:ListAccountAssignments",
            "sso:ListAccountsForProvisionedPermissionSet",
            "sso:ListPermissionSetsProvisionedToAccount",
          ]
          Resource = concat([var.identity_center_instance_arn, local.permission_sets_arn], local.account_arns)
        },
        {
          Sid       = "CreateOwnSets"
          Effect    = "Allow"
          Action    = ["sso:CreatePermissionSet"]
          Resource  = [var.identity_center_instance_arn, local.permission_sets_arn]
          Condition = { StringEquals = { "aws:RequestTag/sallyport.dev/installation" = var.installation } }
        },
        {
          # Each call needs the instance and, the last three, an account besides the set; the set itself is allowed below.
          Sid    = "ChangeInInstance"
          Effect = "Allow"
          Action = [
            "sso:CreateAccountAssignment",
            "sso:DeleteAccountAssignment",
            "sso:DeletePermissionSet",
            "sso:ProvisionPermissionSet",
            "sso:PutInlinePolicyToPermissionSet",
          ]
          Resource = concat([var.identity_center_instance_arn], local.account_arns)
        },
        {
          # Sets that carry the installation's tag. The tag itself is given at creation only, so nobody else's set can get it.
          Sid    = "ChangeOwnSets"
          Effect = "Allow"
          Action = [
            "sso:CreateAccountAssignment",
            "sso:DeleteAccountAssignment",
            "sso:DeletePermissionSet",
            "sso:ProvisionPermissionSet",
            "sso:PutInlinePolicyToPermissionSet",
            "sso:TagResource",
          ]
          Resource  = [local.permission_sets_arn]
          Condition = { StringEquals = local.tagged_installation }
        },
        {
          # People and groups are not the installation's: read only.
          Sid    = "ReadPeople"
          Effect = "Allow"
          Action = [
            "identitystore:DescribeGroup",
            "identitystore:DescribeUser",
            "identitystore:GetUserId",
            "identitystore:ListGroupMembershipsForMember",
          ]
          Resource = [
            var.identity_store_arn,
            "arn:${var.partition}:identitystore:::group/*",
            "arn:${var.partition}:identitystore:::membership/*",
            "arn:${var.partition}:identitystore:::user/*",
          ]
        },
      ],
      length(var.account_role_arns) == 0 ? [] : [{
        Sid      = "EnterProxyAccounts"
        Effect   = "Allow"
        Action   = ["sts:AssumeRole"]
        Resource = var.account_role_arns
      }],
      length(var.head_key_arns) == 0 ? [] : [{
        Sid      = "SignHeads"
        Effect   = "Allow"
        Action   = ["kms:GetPublicKey", "kms:Sign"]
        Resource = var.head_key_arns
      }],
      length(var.audit_object_arns) == 0 ? [] : [{
        # Written once: nothing here deletes an object, or ends its retention. Reading compares what an earlier delivery left.
        Sid      = "DeliverObjects"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectRetention"]
        Resource = var.audit_object_arns
      }],
      length(var.audit_object_key_arns) == 0 ? [] : [{
        Sid       = "EncryptObjects"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.audit_object_key_arns
        Condition = { StringLike = { "kms:ViaService" = "s3.*.amazonaws.com" } }
      }],
      length(var.audit_log_group_arns) == 0 ? [] : [{
        Sid      = "DeliverLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = var.audit_log_group_arns
      }],
    )
  }

  principals_trust = {
    Effect    = "Allow"
    Action    = ["sts:AssumeRole"]
    Principal = { AWS = var.trusted_principal_arns }
    Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
  }

  oidc_trust = {
    Effect    = "Allow"
    Action    = ["sts:AssumeRoleWithWebIdentity"]
    Principal = { Federated = var.oidc_provider_arn }
    Condition = {
      StringEquals = {
        "${var.oidc_issuer}:aud" = "sts.amazonaws.com"
        "${var.oidc_issuer}:sub" = "system:serviceaccount:${var.service_account}"
      }
    }
  }

  pod_trust = {
    Effect    = "Allow"
    Action    = ["sts:AssumeRole", "sts:TagSession"]
    Principal = { Service = "pods.eks.amazonaws.com" }
    Condition = {
      StringEquals = {
        "aws:RequestTag/kubernetes-namespace"       = split(":", var.service_account)[0]
        "aws:RequestTag/kubernetes-service-account" = split(":", var.service_account)[1]
      }
    }
  }

  # One way in, not three. As text, since the three have different types.
  controller_trust = length(var.trusted_principal_arns) > 0 ? jsonencode(local.principals_trust) : (
    var.oidc_provider_arn != "" ? jsonencode(local.oidc_trust) : jsonencode(local.pod_trust)
  )
}
