//! Text and contract say the same; text that is no contract is refused where it is not.

use annals_contract::{Committed, laws};

use crate::fixture::{Ticket, hearer, parsed, seller, ticket};

#[test]
fn a_contract_is_read_back_as_it_was_written() {
    for contract in [seller(), hearer()] {
        assert_eq!(parsed("a.yaml", &contract.to_yaml()).contract, contract);
    }
}

#[test]
fn writing_is_stable() {
    let text = seller().to_yaml();
    assert_eq!(parsed("a.yaml", &text).contract.to_yaml(), text);
}

#[test]
fn the_fixtures_hold() {
    let contracts = [parsed("seller.yaml", &seller().to_yaml()), parsed("hearer.yaml", &hearer().to_yaml())];
    laws::check(&contracts, &access_patterns::all()).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn only_what_is_marked_is_published_and_words_are_plain() {
    let contract = seller();
    assert_eq!(contract.publishes.keys().collect::<Vec<_>>(), ["TICKET_SOLD"]);
    let data = &contract.publishes["TICKET_SOLD"].data;
    assert_eq!(data["properties"]["at"]["enum"], serde_json::json!(["entrance", "online"]));
    assert_eq!(data["properties"]["voucher"]["type"], "string", "what may be left out is never null");
}

#[test]
fn a_reader_reads_the_example_of_what_is_published() {
    let example = parsed("a.yaml", &seller().to_yaml()).contract.publishes["TICKET_SOLD"].example.clone();
    assert_eq!(serde_json::from_value::<Ticket>(example["data"].clone()).unwrap(), ticket());
}

#[test]
fn text_of_another_form_is_refused_where_it_is() {
    let text = hearer().to_yaml();
    let cases = [
        ("asyncapi: \"3.0.0\"", "asyncapi: \"2.6.0\"", "AsyncAPI 3.0.0, not 2.6.0"),
        ("batch_size: 10", "batch_size: ten", ""),
        ("batch_size: 10", "batch_sice: 10", "batch_sice"),
        ("action: receive", "action: listen", "this one says listen"),
        ("      max_receives: 3\n", "", "max_receives"),
        ("#/components/messages/billing.TICKET_SOLD", "#/components/messages/gone", "there is no message"),
        ("x-delivery:\n", "x-delivery: [\n", "line"),
    ];
    for (old, new, what) in cases {
        assert!(text.contains(old), "{old}");
        let errors = Committed::parse("hearer.yaml", &text.replacen(old, new, 1)).unwrap_err();
        let problem = &errors.0[0];
        assert!(problem.rule == "form" && !problem.next.is_empty(), "{problem}");
        assert!(what == "line" || problem.what.contains(what), "{old}: {problem}");
        assert!(problem.line > 1 || what.contains("max_receives"), "{old}: {problem}");
    }
}
