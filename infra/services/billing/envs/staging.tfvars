env = "staging"
settings = {
  ANNALS_WEBHOOK_TENANT = "demo"
}
