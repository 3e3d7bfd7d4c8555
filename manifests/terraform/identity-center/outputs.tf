output "controller_role_arn" {
  description = "Role of the controller: for its service account's annotation or Pod Identity association, or its profile."
  value       = aws_iam_role.controller.arn
}

output "instance_arn" {
  description = "For spec.identityCenter.instanceARN of the Proxies."
  value       = local.instance_arn
}

output "identity_store_id" {
  description = "For spec.identityCenter.identityStoreID of the Proxies."
  value       = local.identity_store_id
}

output "identity_account_id" {
  description = "For the controller's --identity-account."
  value       = local.identity_account
}
