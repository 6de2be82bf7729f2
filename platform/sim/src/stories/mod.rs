//! What people do, as whole stories, each by its number.
//!
//! - [`billing`]: subscriptions, payments, refunds, plans
//! - [`people`]: sign-ups, also two for one address, and erasures

pub mod billing;
pub mod people;

use std::sync::Arc;

use crate::chance::{Chance, Draws};
use crate::client::Client;
use crate::world::World;

/// Commands of a story, about.
pub const COMMANDS: u64 = 14;
/// How many stories' subscriptions are moved at once, at most.
const MOVED: u64 = 24;
/// Tenants that have subscriptions.
pub const TENANTS: [&str; 3] = ["acme", "bolt", "core"];

/// Lives through the story of this number.
pub async fn story(world: Arc<World>, chance: Chance, number: u64) {
    let mut client = client(world, chance, number);
    match number % 4 {
        3 => people::sign_up(client.world, client.draws, number).await,
        // One invoice that is tried for a long time: its stream is long.
        0 if number.is_multiple_of(12) => billing::subscribe(&mut client, number, 60).await,
        1 => {
            billing::subscribe(&mut client, number, 3).await;
            billing::move_plans(client, number).await;
        }
        _ => billing::subscribe(&mut client, number, 3).await,
    }
}

/// Goes on with the story of this number, after the log was restored.
pub async fn go_on(world: Arc<World>, chance: Chance, number: u64) {
    if number % 4 != 3 {
        billing::go_on(client(world, chance, number), number).await;
    }
}

/// Moves every subscription that there is to another price, and tries its invoice once more, one after the other, three times.
pub async fn move_everybody(world: &Arc<World>) {
    for round in 0..3 {
        for number in (0..MOVED).filter(|number| number % 4 != 3) {
            billing::is_moved(client(world.clone(), world.chance, number), number, round).await;
        }
    }
}

fn client(world: Arc<World>, chance: Chance, number: u64) -> Client {
    let mut draws = Draws::new(chance.of("story", number));
    let tenant = TENANTS[draws.below(3) as usize].parse().expect("they are tenants");
    Client { world, draws, tenant }
}
