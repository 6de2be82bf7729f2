env = "prod"
settings = {
  ANNALS_IDENTITY_URL     = "https://identity.prod.annals.example"
  ANNALS_MAIL_FROM        = "billing@annals.example"
  ANNALS_PUSH_APPLICATION = "arn:aws:sns:eu-west-1:333333333333:app/GCM/annals"
}
