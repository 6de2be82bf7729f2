//! Checks what is derived: rows and totals equal the fold of the log, nothing is missing, nothing went back, nothing is another's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_kit::{Recorded, StreamId, Tenant, Version};
use annals_log::StreamHead;
use annals_projection::{Amount, Consumer, Contributions, Follower, Found, Mode, TotalKey, Totals};
use annals_reads::billing::get_invoice_strong;
use annals_reads::{Item, Reads};
use billing_projectors::account_balances::AccountBalances;
use billing_projectors::active_customers::ActiveCustomers;
use billing_projectors::mrr_movements::MrrMovements;
use billing_projectors::receivables_by_customer::ReceivablesByCustomer;
use billing_projectors::revenue_by_month::RevenueByMonth;

use super::{Checked, Streams, place};
use crate::services::Service;
use crate::stories::TENANTS;
use crate::world::{World, text};

/// The heads of a log.
async fn heads(world: &Arc<World>, service: Service) -> Vec<StreamHead> {
    let mut heads: BTreeMap<String, u64> = BTreeMap::new();
    for item in world.table(service.log()).await {
        let (stream, version) = place(&item);
        heads.insert(stream.to_owned(), version);
    }
    let head = |(stream, version): (String, u64)| {
        Some(StreamHead { stream: stream.parse().ok()?, version: Version::new(version)?, recorded_at: None, commits: vec![] })
    };
    heads.into_iter().filter_map(head).collect()
}

/// 8: everything of the log is applied, or its stream is parked. Before a walk rows may be whole at the release before, and totals of a later
/// release have only begun.
pub async fn complete(world: &Arc<World>, service: Service, checked: &mut Checked, before_a_walk: bool) {
    let release = world.pipeline(service).release();
    let projector = service.projector(world.reader(), release);
    let heads = heads(world, service).await;
    let mut consumers: Vec<&dyn Consumer> = vec![&projector];
    let has_begun = |follower: &&Arc<Follower>| before_a_walk && release > 0 && follower.has_totals();
    consumers.extend(projector.followers().iter().filter(|follower| !has_begun(follower)).map(|follower| follower as &dyn Consumer));
    for consumer in consumers {
        for (head, found) in heads.iter().zip(consumer.reconcile(&heads, Mode::Look).await) {
            let of_before = before_a_walk && release > 0 && found == Found::Lacks { commits: 0 };
            let holds = of_before || matches!(found, Found::NotRead | Found::Complete | Found::Parked { .. });
            let when = if before_a_walk { "before anybody walked" } else { "at the end" };
            checked.expect(8, holds, || format!("{} of {}, {when}: {found:?}", consumer.name(), head.stream));
            let explained = !matches!(found, Found::Parked { .. }) || world.is_strange(&head.stream);
            checked.expect(15, explained, || format!("{} of {} is parked without a reason", consumer.name(), head.stream));
        }
    }
}

/// 5: rows equal the fold of their streams at their versions; and no row is left over.
pub async fn content(world: &Arc<World>, service: Service, checked: &mut Checked) {
    let release = world.pipeline(service).release();
    let names: Vec<&str> = service.projector(world.reader(), release).described().iter().map(|one| one.name).collect();
    let heads = heads(world, service).await;
    for name in names {
        let Some(one) = service.projector(world.reader(), release).only(name) else { continue };
        let mut folded = Default::default();
        for head in &heads {
            match one.difference(head, &mut folded).await {
                Ok(difference) => checked.expect(5, difference.is_none(), || format!("{name}: {difference:?}")),
                Err(error) => checked.violated(5, format!("{name} of {} cannot be compared: {error}", head.stream)),
            }
        }
    }
    let items = world.table(service.rows()).await;
    let listed: BTreeSet<(String, String)> =
        items.iter().filter(|item| text(item, "PK").starts_with("STAMP#")).flat_map(listed_keys).collect();
    for item in items.iter().filter(|item| item.contains_key("owner")) {
        let key = (text(item, "PK").to_owned(), text(item, "SK").to_owned());
        checked.expect(5, listed.contains(&key), || {
            format!("{} {} is of {}, whose stamp does not know it", key.0, key.1, text(item, "owner"))
        });
    }
    if service == Service::Billing {
        tenants(world, &items, checked).await;
    }
}

fn listed_keys(stamp: &Item) -> Vec<(String, String)> {
    let keys = stamp.get("keys").and_then(|keys| keys.as_l().ok()).into_iter().flatten();
    keys.filter_map(|key| key.as_m().ok()).map(|key| (text(key, "PK").to_owned(), text(key, "SK").to_owned())).collect()
}

/// 14: no query shows another tenant's row.
async fn tenants(world: &Arc<World>, items: &[Item], checked: &mut Checked) {
    let reads = Reads::new(world.reader().account.dynamodb(), Service::Billing.matrix());
    let invoices = items.iter().filter(|item| text(item, "PK").starts_with("INV#") && text(item, "SK") == "META");
    for item in invoices.take(20) {
        let id = text(item, "PK").trim_start_matches("INV#");
        for name in TENANTS {
            let (shown, owner) = (get_invoice_strong(&reads, name, id).await, text(item, "tenant"));
            let holds = matches!(&shown, Ok(shown) if shown.is_some() == (owner == name));
            checked.expect(14, holds, || format!("{name} asks for {}, of {owner}: {shown:?}", text(item, "PK")));
        }
    }
}

/// 5 and 13: every total equals the sum over the log, and the books balance.
pub async fn sums(world: &Arc<World>, billing: &Streams, checked: &mut Checked) {
    let projector = Service::Billing.projector(world.reader(), world.pipeline(Service::Billing).release());
    let folded = [
        (RevenueByMonth::NAME, sum::<RevenueByMonth>(billing)),
        (MrrMovements::NAME, sum::<MrrMovements>(billing)),
        (ReceivablesByCustomer::NAME, sum::<ReceivablesByCustomer>(billing)),
        (ActiveCustomers::NAME, sum::<ActiveCustomers>(billing)),
        (AccountBalances::NAME, sum::<AccountBalances>(billing)),
    ];
    for (name, mut folded) in folded {
        let Some(follower) = projector.followers().iter().find(|follower| Consumer::name(&***follower) == name) else { continue };
        if !is_served(world, follower, checked).await {
            continue;
        }
        for tenant in TENANTS.map(|tenant| tenant.parse::<Tenant>().expect("they are tenants")) {
            let mut mine = folded.remove(&tenant).unwrap_or_default();
            mine.retain(|_, amount| !amount.is_zero());
            let stored = match follower.totals(&tenant).await {
                Ok(stored) => stored,
                Err(error) => {
                    checked.violated(5, format!("{name} cannot be read: {error}"));
                    continue;
                }
            };
            let keys: BTreeSet<&TotalKey> = mine.keys().chain(stored.keys()).collect();
            for key in keys {
                let (folded, stored) = (mine.get(key), stored.get(key));
                checked
                    .expect(5, folded == stored, || format!("{name} {key} of {tenant} is {stored:?}, and the log adds up to {folded:?}"));
            }
            if name == AccountBalances::NAME {
                let balance: i128 = stored.values().map(|amount| amount.sum).sum();
                checked.expect(13, balance == 0, || format!("the books of {tenant} are out by {balance}"));
            }
        }
    }
}

/// Whether readers see the totals of the deployed release: all of the log must be folded for it, which a commit that no code knows prevents.
async fn is_served(world: &Arc<World>, follower: &Follower, checked: &mut Checked) -> bool {
    let revision = follower.described().revision;
    match follower.served().await {
        Ok(served) if served == revision => true,
        Ok(served) => {
            let explained = world.has_strange();
            let name = Consumer::name(follower);
            checked.expect(8, explained, || format!("readers see revision {served} of {name}, and all is folded at revision {revision}"));
            false
        }
        Err(error) => {
            checked.violated(5, format!("the pointer of {} cannot be read: {error}", Consumer::name(follower)));
            false
        }
    }
}

/// What all streams add to a projection's totals, by tenant.
fn sum<P: Totals>(streams: &Streams) -> BTreeMap<Tenant, BTreeMap<TotalKey, Amount>> {
    let mut all: BTreeMap<Tenant, BTreeMap<TotalKey, Amount>> = BTreeMap::new();
    for (name, commits) in streams {
        let Ok(stream) = name.parse::<StreamId>() else { continue };
        if stream.stream_type() != P::STREAM_TYPE {
            continue;
        }
        let (mut state, mut totals) = (P::State::default(), Contributions::default());
        for commit in commits {
            let recorded = Recorded { version: commit.version, at: commit.recorded_at };
            for event in commit.events.iter().filter_map(|event| event.decode::<P::Event>().ok()) {
                let _ = P::fold(&stream, &mut state, &event, recorded, &mut totals);
            }
        }
        let Some(tenant) = commits.first().map(|commit| commit.tenant.clone()) else { continue };
        let of_tenant = all.entry(tenant).or_default();
        for (key, amount) in totals.iter() {
            let total = of_tenant.entry(key.clone()).or_default();
            *total = total.plus(amount);
        }
    }
    all
}

/// 7: no row ever went back; no key of an erased person was made again.
pub fn watched(world: &Arc<World>, checked: &mut Checked) {
    let (went_back, remade, watched) = world.network.tables.findings();
    for _ in 0..watched {
        checked.holds(7);
    }
    went_back.into_iter().for_each(|what| checked.violated(7, what));
    remade.into_iter().for_each(|key| checked.violated(12, format!("{key}, of an erased person, was made again")));
}
