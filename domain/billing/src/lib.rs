//! What can happen to subscriptions, invoices and payments: pure decide and evolve.
