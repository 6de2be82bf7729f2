//! The account, the function, and ways to hand it events.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use access_patterns::{Matrix, Table};
use annals_kit::{Aggregate, Clock, Command, CommandId, Generation, StreamId};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_lambda::{Account, Host, Metric, Metrics};
use annals_local::randomness::Seeded;
use annals_local::{Config, Function, FunctionError, Local, Process, Queue, Role, Route, Rule, Store, StreamMapping, Target, arn};
use annals_log::{Expect, Log, LogConfig, Request, Streams};
use annals_reads::{Item, Reads};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

/// What is published, as one queue gets it.
const PUBLISHED: &str = "published";
/// Lets everybody in as the owner of tenant `demo`, and as the service that asks the others.
const AUTHORIZER: &str = "authorizer";
/// Who everybody is.
pub const EVERYBODY: Uuid = Uuid::from_u128(0x0a11);
/// The bus it is published to.
const BUS: &str = "annals";
pub(crate) const ADMINISTRATOR: &str = "administrator";

/// A function about to be put on an account.
pub struct Stage {
    name: String,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    api_variable: Option<&'static str>,
    routes: Vec<Route>,
    others: Vec<Function>,
    follows: Option<&'static str>,
    scheme: &'static str,
    change: Box<dyn FnOnce(Function) -> Function>,
}

/// A function's own binary on an account of its own.
pub struct Harness {
    /// The account.
    pub local: Local,
    name: String,
    counts: Arc<Mutex<Vec<Value>>>,
}

impl Stage {
    /// The function of this name, whose binary Cargo has built: `env!("CARGO_BIN_EXE_<name>")`. Nothing was restored.
    pub fn of(name: &str, binary: &str) -> Self {
        Self {
            name: name.to_owned(),
            binary: binary.into(),
            environment: BTreeMap::from([("ANNALS_GENERATION".to_owned(), "0".to_owned())]),
            api_variable: None,
            routes: Vec::new(),
            others: Vec::new(),
            follows: None,
            scheme: "http",
            change: Box::new(|function| function),
        }
    }

    /// With this environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a variable that says where the account's HTTP API is.
    pub fn api_variable(self, name: &'static str) -> Self {
        Self { api_variable: Some(name), ..self }
    }

    /// Behind this HTTP route.
    pub fn route(mut self, method: &str, path: &str) -> Self {
        self.routes.push(Route::new(method, path, &self.name));
        self
    }

    /// With an API of another service at this route, answered in this process.
    pub fn other(mut self, method: &str, path: &str, function: Function) -> Self {
        self.routes.push(Route::new(method, path, &function.name));
        self.others.push(function);
        self
    }

    /// On the stream of this table.
    pub fn following(self, table: &'static str) -> Self {
        Self { follows: Some(table), ..self }
    }

    /// With clients that reach AWS over HTTPS, as on AWS. Nobody answers them: for what a function does before its first call.
    pub fn over_https(self) -> Self {
        Self { scheme: "https", ..self }
    }

    /// With other limits, such as a timeout.
    pub fn with(self, change: impl FnOnce(Function) -> Function + 'static) -> Self {
        Self { change: Box::new(change), ..self }
    }

    /// Opens the account, serves it on loopback and installs the function.
    pub async fn open(mut self) -> Harness {
        let mut config = Config::new(Store::Memory, Arc::new(MachineClock), Arc::new(Seeded::new(23)));
        config.tables = access_patterns::all().iter().flat_map(|matrix| matrix.tables().iter().map(Table::definition_json)).collect();
        config.resource_policies = append_only();
        config.roles = vec![administrator(), role(&self.name)];
        config.routes = std::mem::take(&mut self.routes).into_iter().map(|route| route.behind(AUTHORIZER)).collect();
        config.queues = vec![Queue::new(PUBLISHED, None)];
        let pattern = json!({ "source": [{ "exists": true }] });
        config.rules = vec![Rule { name: "all".into(), bus: BUS.into(), pattern, targets: vec![Target::new(PUBLISHED, None)] }];
        config.stream_mappings = self.follows.map(|table| StreamMapping::new(&self.name, table, &self.name)).into_iter().collect();
        let local = Local::open(config).await.expect("an account in memory opens");
        let (aws, api) = (listen().await, listen().await);
        let credentials = local.credentials(&self.name).expect("its role is one of the account's");
        let environment = [
            ("AWS_ENDPOINT_URL", url(self.scheme, &aws)),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key().to_owned()),
        ];
        let api_variable = self.api_variable.map(|name| (name, url("http", &api)));
        self.environment.extend(environment.into_iter().chain(api_variable).map(|(name, value)| (name.to_owned(), value)));
        let (aws_server, api_server) = (local.clone(), local.clone());
        tokio::spawn(async move { aws_server.serve_aws(aws).await });
        tokio::spawn(async move { api_server.serve_http(api).await });
        let counts = Arc::<Mutex<Vec<Value>>>::default();
        let counted = counts.clone();
        let process = Process {
            binary: self.binary,
            environment: self.environment,
            counts: Some(Arc::new(move |line: &Value| counted.lock().expect("no panic holds it").push(line.clone()))),
        };
        local.install((self.change)(Function::process(&self.name, process)));
        local.install(Function::new(AUTHORIZER, |_, _| async { Ok(everybody()) }));
        self.others.into_iter().for_each(|function| local.install(function));
        Harness { local, name: self.name, counts }
    }
}

impl Harness {
    /// Hands the function an event, as a caller who waits for the answer.
    pub async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        self.local.invoke(&self.name, event).await
    }

    /// Sends the account a request as [`EVERYBODY`], and returns status and body.
    pub async fn http(&self, request: http::request::Builder, body: &str) -> (u16, Value) {
        let request = request.header("authorization", "Bearer of the test");
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).expect("the test's request is one");
        let answer = self.local.http(request).await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    /// What a binary of any trigger must do with an event that is none: answer with an error, and go on.
    pub async fn refuses_what_is_no_event(&self) {
        for event in [json!("no event"), json!({ "Records": 7, "version": 7, "requestContext": 7 })] {
            let error = self.invoke(event).await.expect_err("it is no event of any kind");
            assert!(!error.kind.starts_with("Runtime.Exit") && !error.kind.starts_with("Sandbox."), "it goes on: {error}");
        }
        let started = self.local.function_timings()[0].cold.map(|cold| cold.count);
        assert_eq!(started, Some(1), "one process had all events");
    }

    /// The account as the administrator reaches it, to prepare what a function finds.
    pub fn host(&self) -> Host {
        let credentials = self.local.credentials(ADMINISTRATOR).expect("the account has one");
        let account = Account::new(self.local.http_client(), credentials, arn::REGION);
        Host {
            account,
            metrics: Arc::new(Nowhere),
            clock: Arc::new(MachineClock),
            ids: Arc::new(MachineIds),
            generation: Generation::default(),
        }
    }

    /// Carries out a command on the stream `id` of its type, in this log, before or beside the function: of tenant `demo`.
    pub async fn append<C: Command<Refusal: Debug>>(&self, log: &'static str, id: Uuid, command: &C) {
        self.append_to(log, &StreamId::of(C::Aggregate::STREAM_TYPE, id), command).await;
    }

    /// The same on a stream whose id is no UUID.
    pub async fn append_to<C: Command<Refusal: Debug>>(&self, log: &'static str, stream: &StreamId, command: &C) {
        let host = self.host();
        let has_it = |matrix: &Arc<Matrix>| matrix.tables().iter().any(|table| table.name() == log);
        let matrix = access_patterns::all().into_iter().find(has_it).expect("a matrix has the log");
        let reads = Reads::new(host.account.sdk_dynamodb(), matrix);
        let log = Log::new(host.account.sdk_dynamodb(), reads, LogConfig::new(log), host.clock, host.ids.clone());
        let (tenant, actor) = ("demo".parse().expect("a tenant"), "tester".parse().expect("an actor"));
        let request = Request::new(&tenant, actor, CommandId(host.ids.uuid()), b"test");
        // New: a stream that is there already is read when the insert meets it.
        Streams::<C::Aggregate>::new(log).execute(&request, stream, Expect::New, command).await.expect("the domain accepts it");
    }

    /// Puts an item into a table: one that no function under test has written.
    pub async fn put(&self, table: &str, item: Value) {
        let item: serde_dynamo::Item = serde_dynamo::to_item(item).expect("the test's item is one");
        let put = self.host().account.sdk_dynamodb().put_item().table_name(table).set_item(Some(item.into()));
        put.send().await.expect("the administrator may");
    }

    /// The items of a table, 500 at most.
    pub async fn items(&self, table: &str) -> Vec<Item> {
        let scanned = self.host().account.sdk_dynamodb().scan().table_name(table).limit(500).send().await.expect("the administrator may");
        scanned.items.unwrap_or_default()
    }

    /// How many items a table has, 500 at most.
    pub async fn count(&self, table: &str) -> usize {
        self.items(table).await.len()
    }

    /// The events that were published, oldest first.
    pub fn published(&self) -> Vec<Value> {
        let messages = self.local.peek(PUBLISHED, 100);
        messages.iter().map(|message| serde_json::from_str(&message.body).expect("events are JSON")).collect()
    }

    /// The values that the function counted of `metric`, added up.
    pub fn counted(&self, metric: Metric) -> u64 {
        let lines = self.counts.lock().expect("no panic holds it");
        lines.iter().filter_map(|line| line[metric.name()].as_u64()).sum()
    }

    /// The time by which requests are signed.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(MachineClock)
    }
}

fn everybody() -> Value {
    let (user, session) = (EVERYBODY, Uuid::from_u128(0x5e55));
    let context = json!({ "tenant": "demo", "actor": user, "role": "owner", "user": user, "session": session, "service": "notifications" });
    json!({ "isAuthorized": true, "context": context })
}

/// The role of a function, as its policy has it; one without a policy may do nothing.
fn role(name: &str) -> Role {
    let values = [("vault_key", "vault"), ("mail_from", "billing@annals.example"), ("bus", BUS), ("ledger", "ledger")];
    let text = std::fs::read_to_string(policies().join(format!("{name}.json")));
    let policy = text.map(|text| Role::policy(&text, &values).expect("the policies in infra/policies are JSON"));
    Role {
        name: name.to_owned(),
        access_key_id: "AKIAFUNCTION".to_owned(),
        secret_access_key: "secret of the function".to_owned(),
        policies: policy.into_iter().collect(),
    }
}

pub(crate) fn administrator() -> Role {
    Role {
        name: ADMINISTRATOR.to_owned(),
        access_key_id: "AKIAADMINISTRATOR".to_owned(),
        secret_access_key: "secret of the administrator".to_owned(),
        policies: vec![json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } })],
    }
}

fn append_only() -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(policies().join("log-table.json")).expect("the policy of the logs is there");
    let policy = |table: &str| Role::policy(&text, &[("table", table)]).expect("log-table.json is JSON");
    let matrices = access_patterns::all();
    let logs = matrices.iter().flat_map(|matrix| matrix.tables()).filter(|table| table.append_only());
    logs.map(|table| (table.name().to_owned(), policy(table.name()))).collect()
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/policies")
}

async fn listen() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a free port")
}

fn url(scheme: &str, listener: &TcpListener) -> String {
    format!("{scheme}://{}", listener.local_addr().expect("it listens"))
}

pub(crate) struct Nowhere;

impl Metrics for Nowhere {
    fn count(&self, _: &'static str, _: Metric, _: u64, _: &str) {}

    fn time(&self, _: &'static str, _: Metric, _: chrono::TimeDelta, _: &str) {}
}
