env = "prod"
settings = {
  ANNALS_PUBLIC_URL = "https://prod.annals.example"
}
