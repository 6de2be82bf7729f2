env = "dev"
settings = {
  ANNALS_IDENTITY_URL = "https://identity.dev.annals.example"
  ANNALS_MAIL_FROM    = "billing@annals.example"
}
