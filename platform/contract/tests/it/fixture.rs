//! Two services: billing tells of museum tickets, notifications hears of them. Their names are those of matrices that have tables.

use annals_contract::{Access, Committed, CommittedApi, Contract, Route, StreamMapping};
use annals_kit::{Event, Money, Role, Schema, StreamId, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub(crate) enum TicketEvent {
    #[serde(rename = "TICKET_SOLD")]
    Sold(TicketSold),
    #[serde(rename = "TICKET_TORN")]
    Torn(TicketTorn),
}

/// A ticket was sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TicketSold {
    /// The ticket.
    pub(crate) ticket_id: Uuid,
    pub(crate) price: Money,
    pub(crate) at: Desk,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) voucher: Option<String>,
}

/// Where tickets are sold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Desk {
    /// At the entrance.
    Entrance,
    Online,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TicketTorn {
    ticket_id: Uuid,
}

impl Event for TicketEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "TICKET_SOLD", upcasts: &[], published: true },
        Schema { event_type: "TICKET_TORN", upcasts: &[], published: false },
    ];
}

/// What a reader of TICKET_SOLD needs.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
pub(crate) struct Ticket {
    pub(crate) ticket_id: Uuid,
    pub(crate) price: Money,
}

/// The ticket of the seller's example.
pub(crate) fn ticket() -> Ticket {
    Ticket { ticket_id: Uuid::from_u128(1), price: price() }
}

pub(crate) fn seller() -> Contract {
    let mut contract = Contract::new("billing", "Tickets: sold, torn.");
    let Ticket { ticket_id, price } = ticket();
    let sold = TicketSold { ticket_id, price, at: Desk::Entrance, voucher: None };
    contract.publish(&[(StreamId::of("TICKET", Uuid::from_u128(1)), Version::FIRST, TicketEvent::Sold(sold))]);
    contract.function("billing-projector", "billing-projectors").needing(&["ANNALS_BUS"]);
    contract.follow(StreamMapping::new("subscriptions-log", "billing-projector"));
    contract.function("count-tickets", "billing-service").within(60);
    contract.schedule("count-tickets", "cron(0 6 * * ? *)", json!({ "day": "yesterday" }));
    contract.function("sell-ticket", "billing-service");
    contract.function("read-tickets", "billing-service");
    for route in [sell_ticket(), list_tickets(), ticket_holder(), opening_hours()] {
        contract.route(route);
    }
    contract
}

/// What a buyer asks for.
#[derive(Deserialize, JsonSchema)]
#[allow(dead_code, reason = "only its form matters")]
struct Order {
    at: Desk,
    count: u8,
    #[serde(default)]
    voucher: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Page {
    items: Vec<TicketSold>,
    next: Option<String>,
}

fn sell_ticket() -> Route {
    Route::post("/v1/tickets", "sell-ticket", "Sells tickets.")
        .admits(&[Role::Owner, Role::Member])
        .idempotent()
        .body::<Order>(json!({ "at": "online", "count": 2 }))
        .answers::<TicketSold>(201, "They are sold.", json!({ "ticket_id": Uuid::from_u128(1), "price": price(), "at": "online" }))
        .with_header(201, "Location", "The ticket's path.")
        .refuses(409, &["sold-out"])
}

fn list_tickets() -> Route {
    Route::get("/v1/desks/{desk}/tickets", "list-tickets", "Lists tickets.")
        .function("read-tickets")
        .admits(&[Role::Owner, Role::Auditor])
        .path::<Desk>("desk", "Where they were sold.")
        .query::<u64>("above", "Only dearer ones.")
        .paged(20, 100)
        .answers::<Page>(200, "A page of tickets.", json!({ "items": [], "next": null }))
}

fn ticket_holder() -> Route {
    Route::get("/v1/tickets/{id}/holder", "ticket-holder", "Tells whom a letter of thanks is for.")
        .function("read-tickets")
        .admits_services(&["notifications"])
        .path::<Uuid>("id", "The ticket.")
        .answers::<String>(200, "Their name.", json!("Ada"))
}

fn opening_hours() -> Route {
    Route::get("/v1/hours", "opening-hours", "Tells when the museum is open.")
        .function("read-tickets")
        .open_to(Access::Public)
        .answers::<String>(200, "The hours.", json!("10 to 18"))
}

fn price() -> Money {
    Money::new(1200, "EUR".parse().unwrap()).unwrap()
}

pub(crate) fn hearer() -> Contract {
    let mut contract = Contract::new("notifications", "Letters about tickets.");
    contract.function("write-letter", "notifications-service").within(10);
    contract.queue("letters-to-write", "write-letter", 10);
    contract.consume::<Ticket>("ticket-sold", ("billing", "TICKET_SOLD"), "letters-to-write", "A letter of thanks is written.");
    contract
}

/// A contract as both of its files have it.
pub(crate) fn whole(contract: &Contract) -> Committed {
    let file = |kind: &str| format!("{}/{kind}.yaml", contract.service);
    parsed(&file("asyncapi"), &contract.to_yaml()).with_api(parsed_api(&file("openapi"), &contract.to_openapi()))
}

pub(crate) fn parsed_api(file: &str, text: &str) -> CommittedApi {
    CommittedApi::parse(file, text).unwrap_or_else(|errors| panic!("{errors}"))
}

pub(crate) fn parsed(file: &str, text: &str) -> Committed {
    Committed::parse(file, text).unwrap_or_else(|errors| panic!("{errors}"))
}
