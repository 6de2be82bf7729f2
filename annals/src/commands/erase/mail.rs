//! Finds the emails that were written out on this machine to somebody who is erased: by what notifications recorded of each, which takes neither
//! key nor address, and by their addresses, as long as those are known.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use annals_log::Commit;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName::{self, ApproximateNumberOfMessagesNotVisible};

use super::{ROLE, without_certificate};
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
    let failed =
        |error: &(dyn std::error::Error + 'static)| without_certificate(format_args!("queue {SENDER}: {}", DisplayErrorContext(error)));
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
    /// Somebody of these ids.
    pub(super) fn of(person: &[String]) -> Self {
        Self(person.iter().cloned().collect())
    }

    /// Takes in an accepted invitation, where this is one of theirs.
    pub(super) fn learn(&mut self, commit: &Commit, person: &[String]) {
        let accepted = commit.events.iter().filter(|event| event.event_type == "INVITATION_ACCEPTED");
        let theirs = accepted.filter(|event| person.iter().any(|id| named_as(event, id).is_some()));
        self.0.extend(theirs.filter_map(|event| event.payload.get("invitation_id")?.as_str().map(str::to_owned)));
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

/// The emails in the outbox that were sent as one of `notifications`, after which files are named, or name one of `addresses`. What is no file is
/// left out, and so is one that goes meanwhile.
pub(super) fn written(outbox: &Path, notifications: &BTreeSet<String>, addresses: &[String]) -> Result<Vec<String>, String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let entries = match std::fs::read_dir(outbox) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(|error| failed(outbox, error))?,
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<BTreeSet<PathBuf>>>();
    let mut found = vec![];
    for path in paths.map_err(|error| failed(outbox, error))? {
        let is_sent = path.file_stem().is_some_and(|name| notifications.contains(&*name.to_string_lossy()));
        if path.is_file() && (is_sent || names_one(&path, addresses).map_err(|error| failed(&path, error))?) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

fn names_one(file: &Path, addresses: &[String]) -> std::io::Result<bool> {
    match std::fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        text => {
            // As quoted-printable has it: lines are broken, and what follows an equals sign follows its number.
            let text = String::from_utf8_lossy(&text?).to_lowercase().replace("=\r\n", "").replace("=3d", "=");
            Ok(addresses.iter().any(|address| names(&text, &address.to_lowercase())))
        }
    }
}

/// Whether a text has an address in it that is not the end or the beginning of a longer one.
fn names(text: &str, address: &str) -> bool {
    text.match_indices(address).any(|(at, _)| {
        let (before, mut after) = (text[..at].chars().next_back(), text[at + address.len()..].chars());
        let goes_on = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let is_longer = match after.next() {
            Some('.' | '-') => goes_on(after.next()),
            next => goes_on(next),
        };
        !is_longer && !goes_on(before) && !matches!(before, Some('.' | '_' | '+' | '-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_alone_and_not_within_another() {
        for text in [
            "To: <ann@x.example>\r\n",
            "write to ann@x.example.",
            "ann@x.example",
            "mailto:ann@x.example?",
            "(joann@x.example, ann@x.example)",
        ] {
            assert!(names(text, "ann@x.example"), "{text}");
        }
        for text in
            ["To: joann@x.example", "b.ann@x.example", "ann@x.example.org", "ann@x.examples", "ann@x.example-shop.org", "@x.example"]
        {
            assert!(!names(text, "ann@x.example"), "{text}");
        }
    }

    #[test]
    fn what_is_no_email_does_not_stand_in_the_way_of_a_certificate() {
        let outbox = tempfile::tempdir().expect("a directory");
        let path = |name: &str| outbox.path().join(name);
        std::fs::create_dir(path("old")).expect("a directory");
        for (name, text) in [("1.eml", "sent to somebody"), ("2.eml", "url=3Dann@x.e=\r\nxample"), ("3.eml", "to bob@x.example")] {
            std::fs::write(path(name), text).expect("a file");
        }
        let found = |folder: &Path| written(folder, &BTreeSet::from(["1".to_owned()]), &["Ann@x.example".to_owned()]);
        let theirs = ["1.eml", "2.eml"].map(|name| path(name).display().to_string());
        assert_eq!(found(outbox.path()).expect("it is read"), theirs);
        assert_eq!(found(&path("nowhere")).expect("there is none"), Vec::<String>::new());
        let told = found(&path("3.eml")).expect_err("it is no folder");
        assert!(told.contains("3.eml"), "{told}");
    }
}
