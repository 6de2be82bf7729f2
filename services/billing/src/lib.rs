//! Billing's functions: create-subscription, generate-invoice, process-webhook, and its reads over HTTP.
