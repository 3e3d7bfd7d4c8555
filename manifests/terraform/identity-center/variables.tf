variable "installation" {
  description = "Name of the installation, as the controller's --installation."
  type        = string
}

variable "proxy_account_ids" {
  description = "Accounts of the Proxies: the only ones that the controller may give access in."
  type        = list(string)

  validation {
    condition     = length(var.proxy_account_ids) > 0 && alltrue([for id in var.proxy_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "Name at least one account, by its 12 digits."
  }
}

variable "account_role_name" {
  description = "Name of the role that the controller takes in each of those accounts (the module proxy-account makes it)."
  type        = string
  default     = "sallyport-account"
}

variable "identity_account_id" {
  description = "Account in which everybody holds the identity permission set. Null: the first of the Proxies'."
  type        = string
  default     = null
}

variable "identity_groups" {
  description = "Identity Store group IDs of the people who may ask for access: they get the identity permission set, which allows nothing."
  type        = set(string)
  default     = []
}

variable "identity_permission_set" {
  description = "Name of that permission set, as the controller's --identity-permission-set."
  type        = string
  default     = "sallyport"
}

variable "role_name" {
  description = "Name of the controller's role."
  type        = string
  default     = "sallyport-controller"
}

variable "trusted_principal_arns" {
  description = "Who may take the controller's role. None: the controller's service account, through EKS."
  type        = list(string)
  default     = []
}

variable "external_id" {
  description = "External ID that those principals must know. Null: sallyport: and the installation's name."
  type        = string
  default     = null
}

variable "oidc_provider_arn" {
  description = "The cluster's OIDC provider, for IAM roles for service accounts. Empty: EKS Pod Identity."
  type        = string
  default     = ""
}

variable "service_account" {
  description = "namespace:name of the controller's service account."
  type        = string
  default     = "sallyport-system:sallyport-controller"
}

variable "head_key_arns" {
  description = "The KMS key that signs the audit trail's heads, as the controller's --head-key, in a list. None for a key in a file."
  type        = list(string)
  default     = []
}

variable "audit_object_arns" {
  description = "Where the audit trail is delivered in S3, as arn:aws:s3:::BUCKET/PREFIX/*."
  type        = list(string)
  default     = []
}

variable "audit_object_key_arns" {
  description = "Customer keys that those buckets are encrypted with. None for the key that S3 manages."
  type        = list(string)
  default     = []
}

variable "audit_log_group_arns" {
  description = "Where the audit trail is delivered in CloudWatch Logs, as arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
