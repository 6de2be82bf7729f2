//! Text and contract say the same; text that is no contract is refused where it is not.

use annals_contract::{Committed, CommittedApi, laws};

use crate::fixture::{Ticket, hearer, parsed, seller, ticket, whole};

#[test]
fn a_contract_is_read_back_as_it_was_written() {
    for contract in [seller(), hearer()] {
        assert_eq!(whole(&contract).contract, contract);
    }
}

/// A hearer whose tickets go to two queues.
fn counting_hearer() -> annals_contract::Contract {
    let mut contract = hearer();
    contract.function("count-letters", "notifications-service").within(10);
    contract.queue("letters-to-count", "count-letters", 10);
    contract.consume::<Ticket>("ticket-counted", ("billing", "TICKET_SOLD"), "letters-to-count", "It is counted.");
    contract
}

#[test]
fn an_event_may_go_to_several_queues_each_by_a_rule_of_its_own() {
    let contract = counting_hearer();
    let read = whole(&contract);
    assert_eq!(read.contract, contract);
    let operations: Vec<_> = contract.to_yaml().lines().filter(|line| line.starts_with("  consume-")).map(str::to_owned).collect();
    assert_eq!(operations, ["  consume-ticket-sold:", "  consume-ticket-counted:"]);
    laws::check(&[whole(&seller()), read], &access_patterns::all()).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn two_rules_of_one_event_to_one_queue_are_refused() {
    let mut contract = counting_hearer();
    contract.consume::<Ticket>("ticket-again", ("billing", "TICKET_SOLD"), "letters-to-count", "It is counted twice.");
    let errors = laws::check(&[whole(&seller()), whole(&contract)], &access_patterns::all()).unwrap_err();
    let found: Vec<_> = errors.0.iter().map(|problem| (problem.rule, problem.what.as_str())).collect();
    assert_eq!(found, [("one-rule", "TICKET_SOLD of billing comes to letters-to-count by another rule as well")]);
}

#[test]
#[should_panic(expected = "ticket-read reads TICKET_SOLD of billing otherwise than ticket-sold does")]
fn a_service_reads_an_event_in_one_way() {
    counting_hearer().consume::<String>("ticket-read", ("billing", "TICKET_SOLD"), "letters-to-count", "It is read.");
}

#[test]
fn writing_is_stable() {
    let (events, routes) = (seller().to_yaml(), seller().to_openapi());
    let again = whole(&seller()).contract;
    assert_eq!((again.to_yaml(), again.to_openapi()), (events, routes));
}

#[test]
fn the_fixtures_hold() {
    let contracts = [whole(&seller()), whole(&hearer())];
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

#[test]
fn an_api_of_another_form_is_refused_where_it_is() {
    let text = seller().to_openapi();
    let cases = [
        ("openapi: \"3.1.0\"", "openapi: \"3.0.3\"", "OpenAPI 3.1.0, not 3.0.3"),
        ("access: roles", "access: rolls", "rolls"),
        ("- owner", "- root", "root"),
        ("    post:", "    trace:", "trace"),
        ("operationId: sell-ticket", "operationid: sell-ticket", "operationid"),
        ("\"201\":", "\"2XX\":", "2XX is no status"),
        ("urn:annals:problem:sold-out", "https://example.com/sold-out", "name no codes"),
        (
            "        application/json:\n            schema:\n              type: object\n              description: What a buyer",
            "        text/plain:\n            schema:\n              type: object\n              description: What a buyer",
            "a body is application/json",
        ),
    ];
    for (old, new, what) in cases {
        assert!(text.contains(old), "{old}: {text}");
        let errors = CommittedApi::parse("seller.yaml", &text.replacen(old, new, 1)).unwrap_err();
        let problem = &errors.0[0];
        assert!(problem.rule == "form" && problem.what.contains(what) && problem.line > 1 && !problem.next.is_empty(), "{old}: {problem}");
    }
}
