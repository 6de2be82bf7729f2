bucket       = "annals-dev-terraform"
key          = "services/billing.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
