//! The questions over HTTP, for a tenant's auditor: `GET /v1/audit/{question}?stream=…`, the tenant's own entries only.
//!
//! | question | parameters |
//! |---|---|
//! | `revisions`, `notice` | `stream` |
//! | `field` | `stream`, `field` |
//! | `as-of` | `stream`, `moment`: `now`, `17`, `2026-01-31`, `2026-01-31T09:30:00Z`, `@120` |
//! | `actor`, `access` | `actor` (of the first), `period`: `2026`, `2026-Q1`, `2026-01`, `2026-01-31`, `A..B`; `always` where there is none |
//! | `correlation` | `correlation` |
//! | `day`, `population` | `period` |
//! | `roles` | `role`, `moment`: a time, a day, or `now` where there is none |
//! | `erasure`, `person` | `person`: a customer, or a member by their account |
//! | `inclusion` | `commit`: `INV#<id>@3` or `billing@120` |
//!
//! `limit` (1 to 1000) rows come from row `page` on; `next` is the page after. Each question is noted before it is answered.

use std::fmt::Display;
use std::sync::Arc;

use annals_kit::Role;
use annals_lambda::causes;
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_log::readings::{HistoryRead, Readings};
use annals_log::{BoxError, Log};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::json;

use crate::answer::{Go, Row, Sink};
use crate::history::{AuditError, History};
use crate::jsonl::object;
use crate::proving::Place;
use crate::question::Question;

/// Who may ask: an auditor, and those who may see money, whose history is told here.
pub const AUDITORS: [Role; 4] = [Role::Owner, Role::Admin, Role::Finance, Role::Auditor];
const ROWS: u64 = 200;
const MOST_ROWS: u64 = 1000;

/// History, and where it is noted that it was read.
pub struct AuditDeps {
    history: History,
    readings: Vec<Readings>,
}

/// One page of an answer.
struct Page {
    skip: u64,
    limit: u64,
    seen: u64,
    rows: Vec<Row>,
    /// Whether the question may end where the page does: those whose rows are all there is to tell.
    ends: bool,
}

impl Sink for Page {
    fn row(&mut self, row: Row) -> Result<Go, BoxError> {
        self.seen += 1;
        if self.seen > self.skip && (self.rows.len() as u64) < self.limit {
            self.rows.push(row);
        }
        let more = self.seen > self.skip + self.limit;
        Ok(if self.ends && more { Go::Stop } else { Go::On })
    }
}

impl AuditDeps {
    /// Answers from `history`, and notes the questions in these logs: the ones that are read.
    pub fn new(history: History, notes: Vec<Log>) -> Self {
        Self { history, readings: notes.into_iter().map(Readings::new).collect() }
    }

    async fn note(&self, caller: &Caller, question: &str, parameters: annals_kit::Payload) -> Result<(), Problem> {
        for readings in &self.readings {
            let read = HistoryRead { question: question.to_owned(), parameters: parameters.clone() };
            readings.read(&caller.tenant, &caller.actor, read).await.map_err(|error| {
                tracing::error!(error = causes(&*error), "a question could not be noted");
                Problem::busy()
            })?;
        }
        Ok(())
    }
}

/// Answers one question.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Arc<AuditDeps>) -> Result<Response, Error> {
    Ok(answer(&event.payload, deps).await.unwrap_or_else(|problem| problem.response()))
}

async fn answer(request: &ApiGatewayV2httpRequest, deps: &AuditDeps) -> Result<Response, Problem> {
    let caller = http::caller(request, &AUDITORS)?;
    let history = deps.history.clone().of_tenant(caller.tenant.clone());
    let name = request.path_parameters.get("question").map_or("", String::as_str);
    let parameter = |name: &str| request.query_string_parameters.first(name).map(str::to_owned);
    if name == "inclusion" {
        return inclusion(&history, deps, &caller, parameter("commit")).await;
    }
    let question = Question::parse(name, parameter).map_err(invalid)?;
    let (skip, limit) = (http::query(request, "page")?.unwrap_or(0), http::query(request, "limit")?.unwrap_or(ROWS).clamp(1, MOST_ROWS));
    deps.note(&caller, question.name(), question.parameters()).await?;
    let ends = matches!(question, Question::Day { .. } | Question::Actor { .. } | Question::Access { .. });
    let mut page = Page { skip, limit, seen: 0, rows: vec![], ends };
    let mut told = history.ask(&question, &mut page).await.map_err(problem)?;
    let next = (page.seen > skip + limit).then(|| skip + limit);
    told.rows = page.rows.len() as u64;
    let rows: Vec<_> = page.rows.iter().map(|row| object(question.columns(), row)).collect();
    let mut body = told.to_json().to_string();
    // The rows keep the order of their columns.
    body.pop();
    let next = json!(next);
    Ok(http::text(200, "application/json", format!("{body},\"items\":[{}],\"next\":{next}}}", rows.join(","))))
}

async fn inclusion(history: &History, deps: &AuditDeps, caller: &Caller, commit: Option<String>) -> Result<Response, Problem> {
    let text = commit.ok_or_else(|| invalid("`commit` is missing"))?;
    let place: Place = text.parse().map_err(|error| invalid(format!("`commit`: {error}")))?;
    let parameters = annals_kit::Payload::from_iter([("commit".to_owned(), text.into())]);
    deps.note(caller, "inclusion", parameters).await?;
    let proven = history.inclusion(&place).await.map_err(problem)?.ok_or_else(|| Problem::not_found("commit"))?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| Problem::internal());
    let (service, position, size) = (proven.service, proven.entry.position.get(), proven.size);
    let body = json!({
        "service": service, "position": position, "signed_size": size, "commit": text(proven.commit)?, "proof": text(proven.proof.to_bytes())?,
        "key": format!("/ledger/{service}/vkey"),
    });
    Ok(http::json(200, &body))
}

fn invalid(what: impl Display) -> Problem {
    Problem::new(400, "invalid", what.to_string())
}

/// What a caller is told: what was found wrong with history is for operators, who have an alarm.
fn problem(error: AuditError) -> Problem {
    match error {
        AuditError::Asked(what) => invalid(what),
        AuditError::Read(_) => Problem::busy(),
        other => {
            tracing::error!(error = causes(&other), "history could not be told");
            Problem::new(500, "not-told", "the answer could not be told completely, so it is not told; nothing was changed")
        }
    }
}
