bucket       = "annals-staging-terraform"
key          = "services/notifications.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
