//! A change of any byte of any commit but the last is found, and named.

use annals_kit::Version;
use annals_log::Expect;
use annals_log::verify::{Broken, Chain};
use annals_reads::Item;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;

use crate::fixture::{Change, Fixture};

async fn history(length: i64) -> (Fixture, Vec<Item>) {
    let fixture = Fixture::new().await;
    let streams = fixture.streams();
    for by in 1..=length {
        let command = Change { by, note: format!("note {by}") };
        streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &command).await.unwrap();
    }
    let items = fixture.items().await;
    (fixture, items)
}

fn verify(fixture: &Fixture, items: &[Item]) -> Result<(), Broken> {
    let mut chain = Chain::new(fixture.stream());
    items.iter().try_for_each(|item| chain.check(item))
}

/// Changes one leaf of a value, chosen by `pick`.
fn change_leaf(value: &mut AttributeValue, pick: &prop::sample::Index) {
    match value {
        AttributeValue::S(text) => text.push('x'),
        AttributeValue::N(digits) => digits.push('1'),
        AttributeValue::B(blob) => {
            let mut bytes = blob.as_ref().to_vec();
            let at = pick.index(bytes.len());
            bytes[at] ^= 1;
            *blob = Blob::new(bytes);
        }
        AttributeValue::Bool(bool) => *bool = !*bool,
        AttributeValue::L(list) => {
            let at = pick.index(list.len());
            change_leaf(&mut list[at], pick);
        }
        AttributeValue::M(map) => {
            let mut names: Vec<_> = map.keys().cloned().collect();
            names.sort();
            change_leaf(map.get_mut(&names[pick.index(names.len())]).unwrap(), pick);
        }
        other => panic!("a commit has no {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Law: whatever leaf of whatever attribute is changed, but of a snapshot, which is no history, and in the last commit, verification
    /// fails at that commit or the next.
    #[test]
    fn every_change_is_found(at in any::<prop::sample::Index>(), attribute in any::<prop::sample::Index>(), leaf in any::<prop::sample::Index>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (fixture, mut items) = history(6).await;
            prop_assert_eq!(verify(&fixture, &items), Ok(()));
            let at = at.index(items.len() - 1);
            let mut names: Vec<_> = items[at].keys().filter(|name| *name != "s").cloned().collect();
            names.sort();
            let name = &names[attribute.index(names.len())];
            change_leaf(items[at].get_mut(name).unwrap(), &leaf);
            let broken = verify(&fixture, &items).unwrap_err();
            let good_until = broken.good_until.map_or(0, Version::get) as usize;
            prop_assert!(good_until <= at, "{name} of version {} was changed, but {broken}", at + 1);
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_commit_is_named() {
    let (fixture, mut items) = history(4).await;
    items.remove(1);
    let broken = verify(&fixture, &items).unwrap_err();
    assert_eq!(broken.item, format!("PK={} SK=00000000000000000002", fixture.stream()));
    assert_eq!(broken.good_until, Version::new(1));
}

#[tokio::test(start_paused = true)]
async fn a_changed_commit_is_named_by_the_next_ones_link() {
    let (fixture, mut items) = history(4).await;
    items[1].insert("a".into(), AttributeValue::S("mallory".into()));
    let broken = verify(&fixture, &items).unwrap_err();
    assert_eq!(broken.item, format!("PK={} SK=00000000000000000002", fixture.stream()));
    assert!(broken.reason.contains("recorded in version 3"), "{}", broken.reason);
}
