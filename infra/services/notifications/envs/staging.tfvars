env = "staging"
settings = {
  ANNALS_IDENTITY_URL = "https://identity.staging.annals.example"
  ANNALS_MAIL_FROM    = "billing@annals.example"
}
