//! The protocol passes, every mutant is caught, every law has a mutant that breaks it, and the page says so.
//!
//! `cargo test -p annals-model --test model -- --nocapture` prints what was found.

use std::path::Path;
use std::sync::LazyLock;

use annals_model::parts;
use annals_model::report::{Found, renewed};

static FOUND: LazyLock<Vec<Found>> = LazyLock::new(|| parts().iter().map(|part| Found::of(&**part)).collect());

#[test]
fn the_protocol_holds_in_every_state_and_meets_what_it_is_to_meet() {
    for Found { part, protocol, .. } in &*FOUND {
        println!("{part}: {} states, {} laws", protocol.states, protocol.laws.len());
        assert_eq!(protocol.broken, None, "{part}");
        assert!(protocol.unmet.is_empty(), "{part} never meets: {:?}", protocol.unmet);
    }
}

#[test]
fn every_mutant_breaks_a_law() {
    for Found { part, mutants, .. } in &*FOUND {
        for mutant in mutants {
            let broken = mutant.broken.as_ref().unwrap_or_else(|| panic!("{part}: nobody notices that {}", mutant.mistake));
            println!(
                "{part}: {}\n  breaks \"{}\" in {} steps: {}",
                mutant.mistake,
                broken.law,
                broken.steps.len(),
                broken.steps.join(" → ")
            );
        }
    }
}

#[test]
fn every_law_is_broken_by_some_mutant() {
    for (part, found) in parts().iter().zip(&*FOUND) {
        let fallen = |law: &&'static str| found.mutants.iter().flat_map(|mutant| &mutant.broken).any(|broken| broken.law == *law);
        let idle: Vec<_> = found.protocol.laws.iter().filter(|law| !fallen(law) && !part.is_broken_by_some(law)).collect();
        assert!(idle.is_empty(), "{}: no mutant breaks {idle:?}", part.name());
    }
}

#[test]
fn the_page_says_what_was_found() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/model.md");
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(renewed(&text, &FOUND) == Some(text), "docs/model.md is stale: cargo run -p annals-model --example derive");
}
