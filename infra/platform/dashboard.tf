# The dashboard of all services.

module "dashboard" {
  source = "../modules/dashboard"

  contracts = local.contracts
  metrics   = local.metrics
  prices    = file("${local.root}/infra/prices.toml")
  names     = local.names
}
