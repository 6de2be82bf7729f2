//! Contracts that break a law: each is refused under its rule, at its line, with advice.

use annals_contract::{Errors, laws};

use crate::fixture::{hearer, parsed, seller};

/// What the laws say of both contracts after one replacement in the text of either.
fn check(old: &str, new: &str) -> Result<(), Errors> {
    let (seller, hearer) = (seller().to_yaml(), hearer().to_yaml());
    assert!(seller.contains(old) || hearer.contains(old), "{old}");
    let contracts = [parsed("seller.yaml", &seller.replacen(old, new, 1)), parsed("hearer.yaml", &hearer.replacen(old, new, 1))];
    laws::check(&contracts, &access_patterns::all())
}

#[test]
fn every_broken_law_is_told_with_rule_place_and_advice() {
    let cases = [
        ("title: billing", "title: Billing", "kebab-case", "Billing"),
        ("bus: annals", "bus: default", "bus", "default"),
        ("\n    ticket-sold:\n", "\n    TicketSold:\n", "kebab-case", "TicketSold"),
        ("timeout_seconds: 60", "timeout_seconds: 901", "limit", "901"),
        ("memory_mb: 256", "memory_mb: 64", "limit", "64"),
        ("role: write-letter", "role: Write Letter", "kebab-case", "Write Letter"),
        ("table: subscriptions-log", "table: notifications-log", "unknown", "notifications-log"),
        ("      function: billing-projector", "      function: projector", "unknown", "projector"),
        ("max_retries: 10000", "max_retries: 10001", "limit", "10001"),
        ("max_record_age_seconds: 86400", "max_record_age_seconds: 5", "limit", "5"),
        ("parallelization_factor: 1", "parallelization_factor: 11", "limit", "11"),
        ("queue: letters-to-write\n        max", "queue: letters\n        max", "unknown", "letters"),
        ("        dead_letter_queue: ticket-sold-dlq", "        dead_letter_queue: none", "unknown", "none"),
        ("        max_attempts: 3", "        max_attempts: 185", "retries", "185"),
        ("        - TICKET_SOLD", "        - TICKET_TORN", "pattern", "TICKET_SOLD"),
        ("visibility_timeout_seconds: 60", "visibility_timeout_seconds: 59", "visibility", "59"),
        ("      dead_letter_queue: letters-to-write-dlq", "      dead_letter_queue: ticket-sold-dlq", "shared", "ticket-sold-dlq"),
        ("      dead_letter_queue: letters-to-write-dlq", "      dead_letter_queue: ticket-sold-dlq", "unused", "letters-to-write-dlq"),
        ("retention_seconds: 1209600", "retention_seconds: 345600", "retention", "kept"),
        ("concurrency: 2", "concurrency: 1", "limit", "concurrency"),
        ("backoff_seconds: 10", "backoff_seconds: 61", "limit", "61"),
        ("batch_size: 10\n", "batch_size: 11\n", "limit", "11"),
        ("queue: letters-to-write\n      function", "queue: others\n      function", "unread", "letters-to-write"),
        ("cron(0 6 * * ? *)", "every morning", "expression", "every morning"),
        ("schema_version: 1\n", "schema_version: 2\n", "example", "version"),
        ("function: count-tickets\n", "function: count\n", "unknown", "count"),
        ("    count-tickets:\n      package", "    write-letter:\n      package", "taken", "write-letter"),
        ("\n  publish-ticket-sold:\n    action: send", "\n  publish-ticket-sold:\n    action: receive", "unpublished", "TICKET_SOLD"),
        ("      - ticket_id\n      - price\n      - at\n", "      - ticket_id\n      - at\n", "made-optional", "TICKET_SOLD.data.price"),
    ];
    for (old, new, rule, named) in cases {
        let Err(errors) = check(old, new) else { panic!("{new:?} breaks no law, and should break {rule}") };
        let found = errors.0.iter().find(|problem| problem.rule == rule).unwrap_or_else(|| panic!("{new:?} should break {rule}: {errors}"));
        assert!(found.what.contains(named) && found.next.len() > 8, "{new:?}: {found}");
        assert!(found.line > 3, "{new:?} has no place: {found}");
    }
}

#[test]
fn the_place_is_the_line_that_is_wrong() {
    let text = hearer().to_yaml().replace("concurrency: 2", "concurrency: 1");
    let errors =
        laws::check(&[parsed("seller.yaml", &seller().to_yaml()), parsed("hearer.yaml", &text)], &access_patterns::all()).unwrap_err();
    let line = text.lines().position(|line| line.contains("concurrency: 1")).unwrap() + 1;
    let column = text.lines().nth(line - 1).unwrap().find("concurrency").unwrap() + 1;
    assert_eq!(
        errors.to_string(),
        format!("hearer.yaml:{line}:{column}: concurrency is 1, and AWS takes 2 to 1000 [limit]\n  next: choose a value within that range")
    );
}
