//! Tells whether anything is left to do, and waits until nothing is.

use crate::account::Account;
use crate::{scheduler, sqs_moves};

/// Waits until everything is done.
pub(crate) async fn wait(account: &Account) {
    let mut moves = account.progress.moves();
    loop {
        moves.borrow_and_update();
        match is_settled(account) {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the stores could not be read"),
        }
        if moves.changed().await.is_err() {
            return;
        }
    }
}

/// Asked from the source on: what a later stage has not got yet, an earlier one still shows.
fn is_settled(account: &Account) -> rusqlite::Result<bool> {
    if account.functions.running() > 0 {
        return Ok(false);
    }
    for mapping in &account.config.stream_mappings {
        let Some(stream) = account.streams.of(&mapping.table) else { continue };
        for shard in account.streams.shards(&stream.arn)? {
            let reached = account.progress.of(&mapping.name, &stream.arn, &shard.id);
            let end = account.streams.end(&stream, &shard)?;
            if end > shard.after && reached.is_none_or(|reached| reached < end) {
                return Ok(false);
            }
        }
    }
    if account.bus.deliveries().open()? > 0 {
        return Ok(false);
    }
    if scheduler::any_due(account)? {
        return Ok(false);
    }
    if sqs_moves::any_running(account)? {
        return Ok(false);
    }
    for mapping in &account.config.queue_mappings {
        if account.queues.depth(&mapping.queue)? > 0 {
            return Ok(false);
        }
    }
    // A function that began meanwhile may have made work for a stage asked before it.
    Ok(account.functions.running() == 0)
}
