//! A retailer's invoices become commits of billing's log: once, exact, and whole however often it is stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annals::cli::Cli;
use annals::commands;
use annals::outcome::{Answer, CouldNotTell};
use annals::session::Session;
use annals_log::Commit;
use clap::Parser;
use serde_json::{Value, json};

use crate::world::World;

const HEAD: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// Two days: an invoice whose lines are rounded once, one without a customer, a cancellation, and lines that cannot be read.
const FIRST: &str = "\
536365,85123A,\"HOLDER, \"\"WHITE\"\"\",3,2010-12-01 08:26:00,0.125,17850.0,United Kingdom
536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850.0,United Kingdom
536366,22139,,1,2010-12-01 09:00:00,0.0,,United Kingdom
536366,22140,\"A QUOTE THAT DOES NOT END,1,2010-12-01 09:00:00,1.0,,United Kingdom
536366,22141,MORE,2,2010-12-01 09:00:00,1.5,,United Kingdom
";
const SECOND: &str = "\
C536379,D,Discount,-1,2010-12-02 09:41:00,27.50,14527.0,United Kingdom
536367,1,A,one,2010-12-02 09:41:00,1.0,14527.0,France
536367,1,B,1,2010-12-02 09:41:00,1.0,14527.0,France
536367,1,C,1,2010-12-02 09:41:00,1.0,14528.0,France
536367,1,D,1,yesterday,1.0,14527.0,France
C536380,1,E,1,2010-12-02 09:41:00,1.0,14527.0,France
,1,F,1,2010-12-02 09:41:00,1.0,14527.0,France
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("2010-12-01.csv"), format!("{HEAD}{FIRST}")).unwrap();
    std::fs::write(folder.path().join("2010-12-02.csv"), format!("{HEAD}{SECOND}")).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a file of invoices").unwrap();
    folder
}

async fn import(world: &World, folder: &Path) -> Result<Answer, CouldNotTell> {
    let cli = Cli::try_parse_from(["annals", "import", "retail", folder.to_str().unwrap()]).unwrap();
    commands::ask(&Session::of(world.system.clone()), cli.command.unwrap(), Path::new("unused")).await
}

/// Every commit's events, by stream.
async fn log(world: &World) -> BTreeMap<String, Vec<(String, Value)>> {
    let mut streams = BTreeMap::<String, Vec<_>>::new();
    for item in world.items("subscriptions-log").await {
        let commit = Commit::from_item(&item).unwrap();
        let events = commit.events.into_iter().map(|event| (event.event_type, Value::Object(event.payload)));
        streams.entry(commit.stream.to_string()).or_default().extend(events);
    }
    streams
}

fn numbers(log: &BTreeMap<String, Vec<(String, Value)>>) -> BTreeMap<String, (String, i64, String)> {
    let one = |events: &Vec<(String, Value)>| {
        assert_eq!(events.len(), 1, "one commit of one event for each number");
        let (event_type, payload) = &events[0];
        let text = |name: &str| payload[name].as_str().unwrap().to_owned();
        (text("number"), (event_type.clone(), payload["amount"]["amount"].as_i64().unwrap(), text("customer_id")))
    };
    log.values().map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn each_number_is_one_commit_and_what_cannot_be_read_stops_nothing_else() {
    let (mut world, folder) = (World::new().await, folder());
    assert_eq!(import(&world, folder.path()).await.unwrap(), Answer::No, "lines were left out");
    world.settle().await;
    world.pause().await;
    let issued = |amount, customer: &str| ("INVOICE_ISSUED".to_owned(), amount, customer.to_owned());
    let wanted = BTreeMap::from([
        // 3 x 0.125 + 6 x 3.39 = 20.715, half to even 20.72; 0.38 + 20.34 as well, but 0.375 alone is 0.38.
        ("536365".to_owned(), issued(20_72, "retail-17850")),
        ("536366".to_owned(), issued(3_00, "retail-anonymous")),
        ("536367".to_owned(), issued(1_00, "retail-14527")),
        ("C536379".to_owned(), ("CREDIT_NOTE_ISSUED".to_owned(), 27_50, "retail-14527".to_owned())),
    ]);
    let first = log(&world).await;
    assert_eq!(numbers(&first), wanted);
    let lines = first.values().flatten().find(|(_, payload)| payload["number"] == "536365").map(|(_, payload)| &payload["lines"]).unwrap();
    let holder = json!({ "what": "HOLDER, \"WHITE\"", "item": "85123A", "quantity": 3, "unit_price": "0.125" });
    assert_eq!((lines.as_array().unwrap().len(), &lines[0]), (2, &holder));
    // Again, and nothing changes.
    assert_eq!(import(&world, folder.path()).await.unwrap(), Answer::No);
    assert_eq!(log(&world).await, first);
}

/// Documents are posted several at a time, each by itself: a process that is killed leaves any set of them.
#[tokio::test(start_paused = true)]
async fn an_import_that_was_stopped_anywhere_goes_on_to_the_same_end() {
    let lines: Vec<_> = (0..60).map(|n| format!("{},{n},X,{n},2010-12-01 08:26:00,1.{n:02},{}.0,UK\n", 600_000 + n, n % 7)).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    let whole = World::new().await;
    std::fs::write(&file, format!("{HEAD}{}", lines.concat())).unwrap();
    assert_eq!(import(&whole, folder.path()).await.unwrap(), Answer::Yes);
    let wanted = log(&whole).await;
    assert_eq!(wanted.len(), 60);
    let stopped = World::new().await;
    for (every, until, posted) in [(1, 1, 1), (3, 24, 8), (1, 20, 21), (2, 60, 41), (1, 60, 60)] {
        let some: String = lines.iter().take(until).step_by(every).cloned().collect();
        std::fs::write(&file, format!("{HEAD}{some}")).unwrap();
        assert_eq!(import(&stopped, folder.path()).await.unwrap(), Answer::Yes);
        assert_eq!(log(&stopped).await.len(), posted, "every {every}. of the first {until}");
    }
    assert_eq!(log(&stopped).await, wanted);
}

#[tokio::test(start_paused = true)]
async fn another_document_under_a_number_is_told_and_left_alone() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, format!("{HEAD}1,1,X,1,2010-12-01 08:26:00,1.0,1.0,UK\n")).unwrap();
    assert_eq!(import(&world, folder.path()).await.unwrap(), Answer::Yes);
    std::fs::write(&file, format!("{HEAD}1,1,X,2,2010-12-01 08:26:00,1.0,1.0,UK\n")).unwrap();
    assert_eq!(import(&world, folder.path()).await.unwrap(), Answer::No);
    let told = import(&world, &folder.path().join("nowhere")).await.unwrap_err();
    assert!(told.what.contains("nowhere"), "{}", told.what);
}

/// Control totals of the real files, from the README beside them.
#[tokio::test(start_paused = true)]
async fn the_real_files_come_to_their_control_totals() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/online-retail");
    if !folder.is_dir() {
        println!("skipped: no ../shared/data");
        return;
    }
    let mut world = World::new().await;
    // Only the log is looked at.
    world.pause().await;
    assert_eq!(import(&world, &folder).await.unwrap(), Answer::Yes);
    let documents = numbers(&log(&world).await);
    let of = |event_type: &str| documents.values().filter(|document| document.0 == event_type).map(|document| document.1).sum::<i64>();
    assert_eq!(documents.len(), 2025);
    assert_eq!((of("INVOICE_ISSUED"), of("CREDIT_NOTE_ISSUED")), (748_957_02 + 74_789_12, 74_789_12));
    assert_eq!(documents.keys().filter(|number| number.starts_with('C')).count(), 326);
}
