//! What happens in the network while it reads a text, for the page.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use refrain::inspect::Recording;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Server;
use crate::http::{self, Refusal};
use crate::page;

/// How many texts are remembered.
const REMEMBERED: usize = 4;

/// The latest recordings.
#[derive(Default)]
pub(super) struct Traces {
    count: AtomicU64,
    latest: Mutex<VecDeque<Arc<Trace>>>,
}

struct Trace {
    id: u64,
    text: String,
    recording: Recording,
}

#[derive(Deserialize)]
#[serde(expecting = "expected an object, as {\"text\": \"...\"}")]
struct Text {
    text: String,
}

#[derive(Deserialize)]
pub(super) struct PlaneQuery {
    layer: usize,
    name: String,
}

impl Traces {
    fn keep(&self, text: String, recording: Recording) -> Arc<Trace> {
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        let trace = Arc::new(Trace { id, text, recording });
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.push_back(trace.clone());
        if latest.len() > REMEMBERED {
            latest.pop_front();
        }
        trace
    }

    fn find(&self, id: u64) -> Result<Arc<Trace>, Refusal> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let found = latest.iter().find(|trace| trace.id == id).cloned();
        found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "trace expired; submit the text again"))
    }
}

pub(super) async fn info(State(server): State<Arc<Server>>) -> Result<Response, Refusal> {
    http::aside(move || {
        let inspector = &server.inspector;
        let (vocabulary, sample) = (inspector.vocabulary(), inspector.sample());
        let info = json!({ "model": server.facts, "vocabulary": vocabulary, "sample_text": sample });
        Ok(axum::Json(info).into_response())
    })
    .await
}

/// Reads a text. What takes longer to be found ([`more`]) comes on its own.
pub(super) async fn trace(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Refusal> {
    let Text { text } = http::json(request).await?;
    if text.is_empty() {
        return Err(Refusal::bad("the text is empty: give at least a character"));
    }
    http::aside(move || {
        let recording = server.inspector.inspect(&text)?;
        let trace = server.traces.keep(text, recording);
        let mut answer = as_json(&trace.recording.inspection)?;
        answer["id"] = trace.id.to_string().into();
        Ok(axum::Json(answer).into_response())
    })
    .await
}

/// What units follow in a text that was read, how far gradients reach, and maps.
pub(super) async fn more(
    State(server): State<Arc<Server>>,
    Path(id): Path<u64>,
) -> Result<Response, Refusal> {
    let trace = server.traces.find(id)?;
    http::aside(move || {
        let found = as_json(&server.inspector.more(&trace.text)?)?;
        let wanted =
            ["finder", "gradients", "path", "embedding"].into_iter().filter(|name| !found[*name].is_null());
        let answer: Value = wanted.map(|name| (name.to_owned(), found[name].clone())).collect();
        Ok(axum::Json(answer).into_response())
    })
    .await
}

pub(super) async fn plane(
    State(server): State<Arc<Server>>,
    Path(id): Path<u64>,
    Query(query): Query<PlaneQuery>,
) -> Result<Response, Refusal> {
    let trace = server.traces.find(id)?;
    http::aside(move || {
        let planes = &trace.recording.planes;
        let found = planes.iter().find(|((layer, name), _)| *layer == query.layer && *name == query.name);
        let missing = || Refusal::new(StatusCode::NOT_FOUND, "there is no such plane");
        Ok(http::octets(page::packed(found.ok_or_else(missing)?.1)))
    })
    .await
}

fn as_json(inspected: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(inspected)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
