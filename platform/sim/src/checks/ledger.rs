//! Checks a ledger: the chain of hashes, every commit once, every checkpoint consistent with those before it.

use std::sync::Arc;

use annals_kit::Clock;
use annals_ledger::Reader;
use annals_ledger::function::table;
use annals_ledger::verify::{Population, Verifier};

use super::Checked;
use crate::services::{Service, log_of};
use crate::world::World;

/// The key by which both sides are counted: nobody prepares items here.
const COUNTED_BY: [u8; 32] = [7; 32];

/// 11.
pub async fn check(world: &Arc<World>, service: Service, checked: &mut Checked) {
    let host = world.reader();
    let (objects, key) = world.pipeline(service).signing();
    let of = || table(host, service.ledger(), service.matrix());
    let verifier = Verifier { table: of(), objects: &*objects, key: Some(key.verifier()) };
    let mut population = Population::new(COUNTED_BY);
    let items = world.table(service.log()).await;
    items.iter().for_each(|item| population.add(item));
    let walked = match verifier.walk(COUNTED_BY).await {
        Ok(Ok(walked)) => walked,
        Ok(Err(found)) => return checked.violated(11, format!("{}: [{}] {}", service.ledger(), found.check, found.what)),
        Err(error) => return checked.violated(11, format!("{} cannot be walked: {error}", service.ledger())),
    };
    match verifier.compare(walked, &population, &log_of(service, host), world.clock.now()).await {
        Ok(Ok(verified)) => {
            let lacks = verified.waiting;
            checked.expect(11, lacks == 0, || format!("{} lacks {lacks} commits", service.ledger()));
            let irregular = verified.irregular.len();
            checked.expect(11, irregular == 0, || format!("{} has {irregular} irregular entries", service.ledger()));
        }
        Ok(Err(found)) => checked.violated(11, format!("{}: [{}] {}", service.ledger(), found.check, found.what)),
        Err(error) => checked.violated(11, format!("{} cannot be compared: {error}", service.ledger())),
    }
    let (mut entries, mut walk) = (0u64, Reader::new(of()).all());
    while let Ok(Some(more)) = walk.next_entries().await {
        entries += more.len() as u64;
    }
    checked.expect(11, entries == items.len() as u64, || {
        format!("{} has {entries} entries, and its log {} commits", service.ledger(), items.len())
    });
    chain(&items, service, checked);
}

/// Every commit carries the hash of the one before it.
fn chain(items: &[annals_reads::Item], service: Service, checked: &mut Checked) {
    for pair in items.windows(2).filter(|pair| pair[0].get("PK") == pair[1].get("PK")) {
        let hash = annals_log::CommitHash::of(&pair[0]).ok();
        let carried = annals_log::Commit::from_item(&pair[1]).ok().and_then(|commit| commit.previous);
        checked.expect(11, hash == carried, || format!("{}: the chain is broken after {:?}", service.log(), pair[0].get("SK")));
    }
}
