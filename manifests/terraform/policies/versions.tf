terraform {
  # No provider: these are policies as data, so that anything can evaluate them.
  required_version = ">= 1.5"
}
