env = "dev"
settings = {
  ANNALS_IDENTITY_URL     = "https://identity.dev.annals.example"
  ANNALS_MAIL_FROM        = "billing@annals.example"
  ANNALS_PUSH_APPLICATION = "arn:aws:sns:eu-west-1:111111111111:app/GCM/annals"
}
