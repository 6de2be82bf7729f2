bucket       = "annals-prod-terraform"
key          = "services/identity.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
