env = "prod"
settings = {
  ANNALS_IDENTITY_URL = "https://identity.prod.annals.example"
  ANNALS_MAIL_FROM    = "billing@annals.example"
}
