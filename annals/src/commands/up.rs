//! `annals up`: the running system.

use std::path::Path;
use std::sync::Arc;

use annals_kit::Clock;
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_local::{Durability, Store, Trim};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::not_opened;
use crate::cli::Up;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Listening;
use crate::system::processes::{Binaries, Endpoints};
use crate::system::{Options, System, credentials, outbox};
use crate::year::{self, Played};

/// The exit code after a second Ctrl-C: 128 and the signal's number, as shells have it.
const STOPPED_AT_ONCE: i32 = 130;

/// Starts everything, says where it listens and what to try, and stops at Ctrl-C or SIGTERM.
pub(super) async fn run(directory: &Path, options: &Up) -> Result<Answer, CouldNotTell> {
    let binaries = options.lambda_processes.as_ref().map(|folder| binaries(folder.as_deref())).transpose()?;
    let durability = if options.durable { Durability::Power } else { Durability::Process };
    let (api, aws) = (listen(options.port, "--port").await?, listen(options.dynamodb_port, "--dynamodb-port").await?);
    if !options.empty && year::is_new(directory) {
        begin_with_a_year(directory).await?;
    }
    let store = Store::Directory(directory.to_owned());
    let made_of =
        Options { store, durability, clock: Arc::new(MachineClock), ids: Arc::new(MachineIds), trim: Trim::OncePassed, faults: None };
    let system = System::open(made_of).await.map_err(|error| not_opened(&error))?;
    // What an earlier process left behind, killed before it could take it back.
    Listening::remove(directory);
    let listening = Listening { process: std::process::id(), api: url(&api)?, aws: url(&aws)? };
    let mut signals = Signals::listen().map_err(|error| CouldNotTell::new(error, "nothing was started"))?;
    if let Some(binaries) = &binaries {
        system.run_processes(binaries, &Endpoints { aws: &listening.aws, api: &listening.api });
    }
    let running = system.local().start();
    system.found_demo().await.map_err(|error| not_opened(&error))?;
    let (api_server, aws_server) = (system.local().clone(), system.local().clone());
    let api_server = tokio::spawn(async move { api_server.serve_http(api).await });
    let aws_server = tokio::spawn(async move { aws_server.serve_aws(aws).await });
    listening.write(directory).map_err(|error| CouldNotTell::new(error, "make the data directory writable"))?;
    greet(directory, &listening, binaries.is_some());
    signals.stop().await;
    say(format_args!("\nStopping. Again to stop at once."));
    Listening::remove(directory);
    let stopped = async {
        // AWS last: functions in processes of their own need it to finish what they have in hand.
        system.local().stop_serving_http();
        // Nothing should wait for its signature while nobody runs.
        system.sign().await;
        running.stop().await;
        // A server that panicked has nothing left to finish.
        let _ = api_server.await;
        system.local().stop_serving();
        let _ = aws_server.await;
        system.local().function_timings().iter().for_each(say);
        system.local().end_processes();
    };
    tokio::select! {
        () = stopped => Ok(Answer::Yes),
        () = signals.stop() => {
            // As killing it would: what was acknowledged is kept, what was under way comes again.
            std::process::exit(STOPPED_AT_ONCE)
        }
    }
}

/// Plays the demo, and says so.
async fn begin_with_a_year(directory: &Path) -> Result<(), CouldNotTell> {
    say(format_args!(
        "{} is empty: playing a year of a small company into it, so that there is something to ask. Nobody in it exists. --empty starts without.",
        directory.display()
    ));
    let began = std::time::Instant::now();
    let Played { customers, invoices, payments, failures, changes, cancellations, refunds } =
        Box::pin(year::play(directory, MachineClock.now())).await?;
    say(format_args!(
        "Played in {:.1} s: {customers} customers, {invoices} invoices, {payments} payments and {failures} failed ones, {changes} changes, \
         {cancellations} cancellations, {refunds} refunds.\n",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// What tells the program to stop. Listened to from the start to the end: no signal falls between two waits.
struct Signals {
    interrupted: Signal,
    terminated: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupted: signal(SignalKind::interrupt())?, terminated: signal(SignalKind::terminate())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

fn binaries(folder: Option<&Path>) -> Result<Binaries, CouldNotTell> {
    let binaries = match folder {
        Some(folder) => Binaries::of(folder),
        None => Binaries::beside_this_program(|line| say(line)),
    };
    binaries.map_err(|error| CouldNotTell::new(error, "nothing was started"))
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

fn greet(directory: &Path, listening: &Listening, processes: bool) {
    let Listening { process, api, aws } = listening;
    say(format_args!(
        "Annals is running on {directory} (process {process}). Ctrl-C stops it.

  API       {api}
  DynamoDB  {aws}   (AWS_SHARED_CREDENTIALS_FILE={credentials}, AWS_PROFILE=auditor, region {region})
  Emails    {outbox}
  Functions {functions}

Try, in another terminal:

  KEY=$(cargo run -q -- key)              # the API key of the demo organisation's owner
  curl -s {api}/v1/contacts/ada -X PUT -H \"authorization: Bearer $KEY\" -d '{{\"email\":\"ada@customers.example\"}}'
  curl -s {api}/v1/subscriptions -H \"authorization: Bearer $KEY\" -H 'idempotency-key: first' \\
       -d '{{\"customer_id\":\"ada\",\"plan\":\"pro\",\"price\":{{\"amount\":4900,\"currency\":\"EUR\"}},\"interval\":\"month\"}}'
  cargo run -q -- tick generate-due-invoices        # what the schedule does every 5 minutes
  curl -s {api}/v1/subscriptions/<id>/invoices -H \"authorization: Bearer $KEY\"
  cargo run -q -- pay <invoice id>        # plays the payment provider; a receipt appears in {outbox}
  curl -s {api}/v1/invoices/<invoice id> -H \"authorization: Bearer $KEY\"
  cargo run -q -- history 'INV#<invoice id>'
  cargo run -q -- verify",
        directory = directory.display(),
        credentials = credentials::file(directory).display(),
        outbox = outbox(directory).display(),
        region = crate::system::REGION,
        functions = if processes { "processes of their own, as on Lambda" } else { "in this process" },
    ));
}
