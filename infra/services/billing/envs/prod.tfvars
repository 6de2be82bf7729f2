env = "prod"
settings = {
  ANNALS_WEBHOOK_TENANT = "demo"
}
