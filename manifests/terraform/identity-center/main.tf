# The account of IAM Identity Center (its management or delegated administrator account): the controller's role, and the permission set
# with which people prove who they are before they hold a grant.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_ssoadmin_instances" "this" {}

locals {
  partition         = data.aws_partition.current.partition
  instance_arn      = tolist(data.aws_ssoadmin_instances.this.arns)[0]
  identity_store_id = tolist(data.aws_ssoadmin_instances.this.identity_store_ids)[0]
  identity_account  = coalesce(var.identity_account_id, var.proxy_account_ids[0])
}

module "policies" {
  source = "../policies"

  installation                 = var.installation
  partition                    = local.partition
  identity_center_instance_arn = local.instance_arn
  identity_store_arn           = "arn:${local.partition}:identitystore::${data.aws_caller_identity.current.account_id}:identitystore/${local.identity_store_id}"
  proxy_account_ids            = var.proxy_account_ids
  account_role_arns            = [for id in var.proxy_account_ids : "arn:${local.partition}:iam::${id}:role/${var.account_role_name}"]
  trusted_principal_arns       = var.trusted_principal_arns
  external_id                  = coalesce(var.external_id, "sallyport:${var.installation}")
  oidc_provider_arn            = var.oidc_provider_arn
  oidc_issuer                  = element(split("oidc-provider/", var.oidc_provider_arn), 1)
  service_account              = var.service_account
  head_key_arns                = var.head_key_arns
  audit_object_arns            = var.audit_object_arns
  audit_object_key_arns        = var.audit_object_key_arns
  audit_log_group_arns         = var.audit_log_group_arns
}

resource "aws_iam_role" "controller" {
  name                 = var.role_name
  description          = "The Sallyport controller of the installation ${var.installation}."
  assume_role_policy   = module.policies.controller_trust
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy" "controller" {
  name   = "sallyport"
  role   = aws_iam_role.controller.id
  policy = module.policies.controller_policy
}

# It has no policy: its credentials prove who somebody is, and open nothing.
resource "aws_ssoadmin_permission_set" "identity" {
  instance_arn     = local.instance_arn
  name             = var.identity_permission_set
  description      = "Proves who you are to Sallyport. Allows nothing."
  session_duration = "PT12H"
  tags             = var.tags
}

resource "aws_ssoadmin_account_assignment" "identity" {
  for_each = var.identity_groups

  instance_arn       = local.instance_arn
  permission_set_arn = aws_ssoadmin_permission_set.identity.arn
  principal_type     = "GROUP"
  principal_id       = each.value
  target_type        = "AWS_ACCOUNT"
  target_id          = local.identity_account
}
