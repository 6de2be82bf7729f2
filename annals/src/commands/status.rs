//! `annals status`: how every service does: volume, failures, latency, what waits, alarms.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annals_lambda::machine::{MachineClock, MachineIds};

use super::{no_session, webhook};
use crate::cli;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;
use crate::system::Status;
use crate::system::status::{Counts, Queue, Service, Times};

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(1);
/// Clears the terminal from the upper left corner on.
const REDRAW: &str = "\x1b[H\x1b[J";

/// Shows the status once, or every second in place; exits 1 while an alarm is on.
pub(super) async fn run(directory: &Path, options: &cli::Status) -> Result<Answer, CouldNotTell> {
    let session = Session::open_still(directory, Arc::new(MachineClock), Arc::new(MachineIds)).await.map_err(no_session)?;
    let running = matches!(session, Session::Remote { .. });
    let in_place = options.watch && running && std::io::stdout().is_terminal();
    loop {
        let status = read(&session, options).await?;
        let answer = if status.alarms.is_empty() { Answer::Yes } else { Answer::No };
        let text = match options.json {
            true => serde_json::to_string(&status).map_err(CouldNotTell::reading)?,
            false => render(&status, running),
        };
        if !in_place {
            say(text.trim_end());
            return Ok(answer);
        }
        // A terminal that has gone away ends the watch.
        if write!(std::io::stdout(), "{REDRAW}{text}").and_then(|()| std::io::stdout().flush()).is_err() {
            return Ok(answer);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The status, of the service that is asked for only.
async fn read(session: &Session, options: &cli::Status) -> Result<Status, CouldNotTell> {
    let (code, said) = webhook::get(session, "/local/status").await?;
    if code != 200 {
        let why = said["detail"].as_str().unwrap_or("the system did not say why");
        return Err(CouldNotTell::reading(format!("how the services do: {why}")));
    }
    let mut status: Status = serde_json::from_value(said).map_err(CouldNotTell::reading)?;
    if let Some(service) = &options.service {
        let known = status.services.keys().cloned().collect::<Vec<_>>().join(", ");
        status.services.retain(|name, _| name == service);
        if status.services.is_empty() {
            return Err(CouldNotTell::new(format!("there is no service {service}"), format!("there are: {known}")));
        }
    }
    Ok(status)
}

/// The status for people, at most 100 columns wide.
pub fn render(status: &Status, running: bool) -> String {
    let mut text = String::new();
    let line = &mut text;
    let second = |time: annals_kit::Timestamp| time.to_string()[..19].replace('T', " ");
    // Writing into a String does not fail.
    let _ = match running {
        true => writeln!(line, "{} UTC, counted since {} UTC", second(status.at), second(status.since)),
        false => writeln!(line, "{} UTC, not running: what waits is known, what was done is not", second(status.at)),
    };
    if running {
        volume(line, status);
        latency(line, status);
    }
    waiting(line, status);
    alarms(line, status);
    text
}

fn volume(text: &mut String, status: &Status) {
    let _ = writeln!(text, "\n{:<16}{:<28}{:>14}{:>14}{:>14}", "VOLUME", "", "last minute", "last hour", "since start");
    for (name, service) in &status.services {
        let mut shown = name.as_str();
        let mut row = |what: &str, [minute, hour, total]: [String; 3]| {
            let _ = writeln!(text, "{shown:<16}{what:<28}{minute:>14}{hour:>14}{total:>14}");
            shown = "";
        };
        let digits = |counts: &Counts| [counts.minute, counts.hour, counts.total].map(|number| number.to_string());
        let seen = service.volume.iter().filter(|(_, counts)| counts.total > 0);
        seen.clone().for_each(|(metric, counts)| row(&words(metric), digits(counts)));
        service.failures.iter().for_each(|(metric, counts)| row(&format!("! {}", words(metric)), digits(counts)));
        let rate = service.failure_rate;
        row("failure rate", [rate.minute, rate.hour, rate.total].map(percent));
    }
}

fn latency(text: &mut String, status: &Status) {
    let _ =
        writeln!(text, "\n{:<16}{:<20}{:>12}{:>13}{:>13}{:>13}{:>13}", "LATENCY", "in the last hour", "times", "p50", "p90", "p99", "max");
    for (name, service) in &status.services {
        let mut shown = name.as_str();
        for (metric, latency) in service.latencies.iter().filter(|(_, latency)| latency.total.count > 0) {
            let Times { count, p50_us, p90_us, p99_us, max_us } = latency.hour;
            let [p50, p90, p99, max] =
                [p50_us, p90_us, p99_us, max_us].map(|micros| if count == 0 { "-".into() } else { duration(micros as f64 / 1e6) });
            let _ = writeln!(text, "{shown:<16}{:<20}{count:>12}{p50:>13}{p90:>13}{p99:>13}{max:>13}", words(metric));
            shown = "";
        }
    }
}

fn waiting(text: &mut String, status: &Status) {
    let _ = writeln!(text, "\n{:<16}{:<20}{:<36}{:>14}{:>14}", "WAITING", "", "", "how many", "oldest");
    for (name, service) in &status.services {
        let mut shown = name.as_str();
        let mut row = |what: &str, of: &str, many: &str, oldest: &str| {
            let _ = writeln!(text, "{shown:<16}{what:<20}{of:<36}{many:>14}{oldest:>14}");
            shown = "";
        };
        let Service { iterator_ages, queues, dead_letters, parked_streams, .. } = service;
        iterator_ages.iter().for_each(|(mapping, age)| row("stream records", mapping, "", &age.map_or("-".into(), duration)));
        let mut queue = |what: &str, queues: &std::collections::BTreeMap<String, Queue>| {
            for (name, Queue { messages, oldest }) in queues {
                row(what, name, &messages.to_string(), &if *messages == 0 { "-".into() } else { duration(*oldest) });
            }
        };
        queue("messages", queues);
        queue("dead letters", dead_letters);
        row("parked streams", "", &parked_streams.to_string(), "");
    }
}

fn alarms(text: &mut String, status: &Status) {
    let _ = match status.alarms.len() {
        0 => writeln!(text, "\nALARMS          none"),
        1 => writeln!(text, "\nALARMS          1 is on: annals alarms"),
        more => writeln!(text, "\nALARMS          {more} are on: annals alarms"),
    };
    for alarm in &status.alarms {
        let since = alarm.since.map_or("-".into(), |at| at.to_string()[..19].replace('T', " "));
        // What it watches follows from its name: it may be cut to keep to 100 columns.
        let _ = writeln!(text, "{since:<21}{:<44}{:.35}", alarm.name, alarm.watches);
    }
}

/// `CommandCommitted` as `command committed`.
fn words(metric: &str) -> String {
    metric.char_indices().fold(String::new(), |mut words, (place, letter)| {
        if letter.is_uppercase() && place > 0 {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
        words
    })
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or("-".into(), |rate| format!("{:.2} %", rate * 100.0))
}

/// Three digits and a unit.
fn duration(seconds: f64) -> String {
    match seconds {
        short if short < 0.000_999_5 => format!("{:.0} us", short * 1e6),
        short if short < 0.009_995 => format!("{:.2} ms", short * 1e3),
        short if short < 0.099_95 => format!("{:.1} ms", short * 1e3),
        short if short < 0.999_5 => format!("{:.0} ms", short * 1e3),
        some if some < 9.995 => format!("{some:.2} s"),
        some if some < 120.0 => format!("{some:.0} s"),
        long if long < 7200.0 => format!("{:.0} min", long / 60.0),
        long => format!("{:.1} h", long / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_unit_that_fits() {
        let shown = [0.0, 0.000_123, 0.001_234, 0.0123, 0.1234, 1.234, 59.0, 600.0, 90_000.0].map(duration);
        assert_eq!(shown, ["0 us", "123 us", "1.23 ms", "12.3 ms", "123 ms", "1.23 s", "59 s", "10 min", "25.0 h"]);
    }
}
