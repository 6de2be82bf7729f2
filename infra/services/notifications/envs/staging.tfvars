env = "staging"
settings = {
  ANNALS_IDENTITY_URL     = "https://identity.staging.annals.example"
  ANNALS_MAIL_FROM        = "billing@annals.example"
  ANNALS_PUSH_APPLICATION = "arn:aws:sns:eu-west-1:222222222222:app/GCM/annals"
}
