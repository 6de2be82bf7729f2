env = "staging"
settings = {
  ANNALS_PUBLIC_URL = "https://staging.annals.example"
}
