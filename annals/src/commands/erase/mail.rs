//! Finds the emails that were written out on this machine to somebody who is erased: by what notifications recorded of each, which takes neither
//! key nor address, and by their addresses, as long as those are known.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use annals_kit::CustomerId;
use annals_log::Commit;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName::{self, ApproximateNumberOfMessagesNotVisible};

use super::ROLE;
use crate::outcome::CouldNotTell;
use crate::session::Session;
use crate::states::named_as;
use crate::system::contracts;

/// The function that sends them, and the queue that it reads.
const SENDER: &str = "send-email";
/// How often the queue is asked meanwhile.
const EVERY: Duration = Duration::from_millis(100);

/// Lets an email that was on its way when the keys went be written out, or not: who sends it may have asked for the address just before. Waits until
/// nobody sends anything, and no longer than a sender may take: one that began later finds no address.
///
/// Cost: two requests of SQS, and one more each tenth of a second.
pub(super) async fn let_senders_end(session: &Session) -> Result<(), CouldNotTell> {
    let sqs = session.sqs(ROLE);
    let failed = |error: &(dyn std::error::Error + 'static)| {
        CouldNotTell::new(
            format!("queue {SENDER}: {}", DisplayErrorContext(error)),
            "the keys are destroyed; run it again for the certificate",
        )
    };
    let url = sqs.get_queue_url().queue_name(SENDER).send().await.map_err(|error| failed(&error))?.queue_url.unwrap_or_default();
    let sender = contracts::functions().find(|function| function.name == SENDER);
    let longest = Duration::from_secs(sender.map_or(0, |sender| sender.function.timeout_seconds).into());
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < longest {
        let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
        let said = asked.send().await.map_err(|error| failed(&error))?.attributes.unwrap_or_default();
        if said.get(&ApproximateNumberOfMessagesNotVisible).is_none_or(|held| held == "0") {
            break;
        }
        tokio::time::sleep(EVERY).await;
    }
    Ok(())
}

/// By which ids emails go to somebody: their own, and those of invitations that they accepted.
pub(super) struct Whom(BTreeSet<String>);

impl Whom {
    /// Somebody of this id.
    pub(super) fn of(person: &CustomerId) -> Self {
        Self(BTreeSet::from([person.to_string()]))
    }

    /// Takes in an accepted invitation, where this is one of theirs.
    pub(super) fn learn(&mut self, commit: &Commit, person: &CustomerId) {
        let accepted =
            commit.events.iter().filter(|event| event.event_type == "INVITATION_ACCEPTED" && named_as(event, person.as_str()).is_some());
        self.0.extend(accepted.filter_map(|event| event.payload.get("invitation_id")?.as_str().map(str::to_owned)));
    }

    /// The emails that a commit of notifications' says are about to be sent to them.
    pub(super) fn intended<'a>(&self, commit: &'a Commit) -> impl Iterator<Item = &'a str> {
        let theirs = commit
            .events
            .iter()
            .filter(|event| event.event_type == "EMAIL_INTENDED" && self.0.iter().any(|id| named_as(event, id).is_some()));
        theirs.filter_map(|event| event.payload.get("notification_id")?.as_str())
    }
}

/// The emails in the outbox that were sent as one of `notifications`, after which files are named, or name one of `addresses`.
pub(super) fn written(outbox: &Path, notifications: &BTreeSet<String>, addresses: &[String]) -> std::io::Result<Vec<String>> {
    let Ok(entries) = std::fs::read_dir(outbox) else { return Ok(vec![]) };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<BTreeSet<PathBuf>>>()?;
    let mut found = vec![];
    for path in paths {
        let is_theirs = path.file_stem().is_some_and(|name| notifications.contains(&*name.to_string_lossy()));
        if is_theirs || names_one(&path, addresses)? {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

fn names_one(file: &Path, addresses: &[String]) -> std::io::Result<bool> {
    let text = String::from_utf8_lossy(&std::fs::read(file)?).to_lowercase();
    Ok(addresses.iter().any(|address| text.contains(address.as_str())))
}
