env = "dev"
settings = {
  ANNALS_WEBHOOK_TENANT = "demo"
}
