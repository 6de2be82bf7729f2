//! `annals up`: the running system.

use std::path::Path;
use std::sync::Arc;

use annals_lambda::machine::{MachineClock, MachineIds};
use annals_local::{Durability, Store, Trim};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::not_opened;
use crate::cli::Up;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Listening;
use crate::system::{Options, System, credentials, outbox, ticks};

/// Starts everything, says where it listens and what to try, and stops at Ctrl-C or SIGTERM.
pub(super) async fn run(directory: &Path, options: &Up) -> Result<Answer, CouldNotTell> {
    let durability = if options.durable { Durability::Power } else { Durability::Process };
    let store = Store::Directory(directory.to_owned());
    let made_of = Options { store, durability, clock: Arc::new(MachineClock), ids: Arc::new(MachineIds), trim: Trim::OncePassed, faults: None };
    let system = System::open(made_of).await.map_err(|error| not_opened(&error))?;
    // What an earlier process left behind, killed before it could take it back.
    Listening::remove(directory);
    let (api, aws) = (listen(options.port, "--port").await?, listen(options.dynamodb_port, "--dynamodb-port").await?);
    let listening = Listening { process: std::process::id(), api: url(&api)?, aws: url(&aws)? };
    let mut terminated = signal(SignalKind::terminate()).map_err(|error| CouldNotTell::new(error, "nothing was started"))?;
    let running = system.local().start();
    let (api_server, aws_server) = (system.local().clone(), system.local().clone());
    let servers =
        [tokio::spawn(async move { api_server.serve_http(api).await }), tokio::spawn(async move { aws_server.serve_aws(aws).await })];
    listening.write(directory).map_err(|error| CouldNotTell::new(error, "make the data directory writable"))?;
    greet(directory, &listening);
    tokio::select! {
        () = ticks::run(system.local()) => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    say(format_args!("\nStopping."));
    Listening::remove(directory);
    system.local().stop_serving();
    for server in servers {
        // A server that panicked has nothing left to finish.
        let _ = server.await;
    }
    running.stop().await;
    Ok(Answer::Yes)
}

async fn listen(port: u16, option: &str) -> Result<TcpListener, CouldNotTell> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        CouldNotTell::new(
            format!("cannot listen on 127.0.0.1:{port} ({error})"),
            format!("nothing was started; choose another port with {option}, or 0 for any free one"),
        )
    })
}

fn url(listener: &TcpListener) -> Result<String, CouldNotTell> {
    let address = listener.local_addr().map_err(|error| CouldNotTell::new(error, "nothing was started"))?;
    Ok(format!("http://{address}"))
}

fn greet(directory: &Path, listening: &Listening) {
    let Listening { process, api, aws } = listening;
    say(format_args!(
        "Annals is running on {directory} (process {process}). Ctrl-C stops it.

  API       {api}
  DynamoDB  {aws}   (AWS_SHARED_CREDENTIALS_FILE={credentials}, AWS_PROFILE=auditor, region {region})
  Emails    {outbox}

Try, in another terminal:

  curl -s {api}/v1/subscriptions -H 'content-type: application/json' -H 'idempotency-key: first' \\
       -d '{{\"customer_id\":\"ada\",\"plan\":\"pro\",\"price\":{{\"amount\":4900,\"currency\":\"EUR\"}},\"interval\":\"month\"}}'
  cargo run -q -- tick generate-due-invoices        # what the schedule does every 5 minutes
  curl -s {api}/v1/subscriptions/<id>/invoices
  cargo run -q -- pay <invoice id>        # plays the payment provider; a receipt appears in {outbox}
  curl -s {api}/v1/invoices/<invoice id>
  cargo run -q -- history 'INV#<invoice id>'
  cargo run -q -- verify",
        directory = directory.display(),
        credentials = credentials::file(directory).display(),
        outbox = outbox(directory).display(),
        region = crate::system::REGION,
    ));
}
