//! What becomes of people: two sign up with one address, some are erased, and what was theirs is asked for again.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use annals_kit::ids::SeededIds;
use identity_service::erase::{Subject, erase, known};
use identity_service::found::{Founding, found};
use identity_service::secret::Secret;

use crate::chance::{Chance, Draws};
use crate::faults::Fault;
use crate::world::World;

/// How often somebody asks before they give up.
const PATIENCE: u32 = 20;

/// Two race for an address that others may want too. Some are erased later; then the other has the address, if nobody was quicker.
pub async fn sign_up(world: Arc<World>, mut draws: Draws, number: u64) {
    let address = draws.below(5);
    let chance = Chance::new(draws.below(u64::MAX));
    let [first, second] = [0, 1].map(|one| (founding(&world, (number, one), address, chance), Draws::new(chance.of("person", one))));
    let race = [first.clone(), second].map(|(founding, draws)| tokio::spawn(ask(world.clone(), draws, founding)));
    let mut has_it = false;
    for (place, asked) in race.into_iter().enumerate() {
        let done = asked.await.expect("who signs up does not panic");
        has_it |= place == 0 && done;
    }
    let place = ("person", "key", number);
    if has_it && world.network.faults.fires(Fault::KeyDestroyed, place, world.network.clock.elapsed()) {
        pause(&mut draws, 10_000).await;
        end(&world, &mut draws, &first.0).await;
        let after = founding(&world, (number, 2), address, chance);
        ask(world, draws, after).await;
    }
}

fn founding(world: &World, (number, one): (u64, u64), address: u64, chance: Chance) -> Founding {
    let organisation = format!("organisation-{number}-{one}").parse().expect("it is a tenant");
    let founding = Founding {
        organisation,
        name: format!("Organisation {number}"),
        email: format!("person{address}@people.example").parse().expect("it is an address"),
        owner: format!("Person {number}"),
        secret: Secret::new(&SeededIds::new(chance.number(&["secret"], one))),
    };
    world.founded.lock().unwrap_or_else(PoisonError::into_inner).insert(founding.organisation.to_string(), founding.user());
    founding
}

/// Asks until it is done, or somebody else has the address; whether it is done.
async fn ask(world: Arc<World>, mut draws: Draws, founding: Founding) -> bool {
    for _ in 0..PATIENCE {
        let asked = founding.clone();
        let work = |deps: Arc<identity_service::Deps>| -> crate::functions::Work<_> { Box::pin(async move { found(&deps, &asked).await }) };
        match world.identity.invoke(&world.machine, draws.below(1 << 20), work).await {
            Some(Ok(_)) => {
                world.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(founding.organisation.to_string());
                return true;
            }
            Some(Err(problem)) if problem.status == 409 => return false,
            _ => pause(&mut draws, 3_000).await,
        }
    }
    false
}

/// Erases somebody until it is done. Whoever then asks for what was theirs again, with another secret, must not bring their key back.
async fn end(world: &Arc<World>, draws: &mut Draws, founding: &Founding) {
    let done = erased(world, draws, founding).await;
    for again in 0..2 {
        pause(draws, 4_000).await;
        let asked = Founding { secret: Secret::new(&SeededIds::new(draws.below(u64::MAX))), ..founding.clone() };
        let work = |deps: Arc<identity_service::Deps>| -> crate::functions::Work<_> { Box::pin(async move { found(&deps, &asked).await }) };
        world.identity.invoke(&world.machine, draws.below(1 << 20) + again, work).await;
    }
    // An operator who is not sure does it again: it changes nothing.
    if done {
        erased(world, draws, founding).await;
    }
}

async fn erased(world: &Arc<World>, draws: &mut Draws, founding: &Founding) -> bool {
    for _ in 0..PATIENCE {
        let subject = Subject { tenant: founding.organisation.clone(), id: founding.user().to_string().parse().expect("a UUID is an id") };
        let work = |deps: Arc<identity_service::Deps>| -> crate::functions::Work<_> {
            Box::pin(async move {
                let known = known(&deps, &subject).await?;
                erase(&deps, &subject, &known, &"operator".parse().expect("it is a token")).await
            })
        };
        if let Some(Ok(_)) = world.identity.invoke(&world.machine, draws.below(1 << 20), work).await {
            return true;
        }
        pause(draws, 3_000).await;
    }
    false
}

async fn pause(draws: &mut Draws, most: u64) {
    tokio::time::sleep(Duration::from_millis(200 + draws.below(most))).await;
}
