env = "dev"
settings = {
  ANNALS_PUBLIC_URL = "https://dev.annals.example"
}
