bucket       = "annals-dev-terraform"
key          = "platform.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
