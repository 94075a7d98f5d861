//! Recordings of a model on texts, for the page.

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
use crate::http::{self, ApiError};
use crate::page;

/// Number of recordings that are kept.
const MAX_TRACES: usize = 4;

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
#[serde(expecting = "expected an object such as {\"text\": \"...\"}")]
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
        if latest.len() > MAX_TRACES {
            latest.pop_front();
        }
        trace
    }

    fn find(&self, id: u64) -> Result<Arc<Trace>, ApiError> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let found = latest.iter().find(|trace| trace.id == id).cloned();
        found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "trace expired; submit the text again"))
    }
}

pub(super) async fn info(State(server): State<Arc<Server>>) -> Result<Response, ApiError> {
    http::blocking(move || {
        let inspector = &server.inspector;
        let (vocabulary, sample) = (inspector.vocabulary(), inspector.sample());
        let info = json!({ "model": server.summary, "vocabulary": vocabulary, "sample_text": sample });
        Ok(axum::Json(info).into_response())
    })
    .await
}

/// Runs the model on a text and records its activations. The unit finder and gradients are a separate request ([`more`]).
pub(super) async fn trace(State(server): State<Arc<Server>>, request: Request) -> Result<Response, ApiError> {
    let Text { text } = http::json(request).await?;
    if text.is_empty() {
        return Err(ApiError::bad("the text is empty: give at least one character"));
    }
    http::blocking(move || {
        let recording = server.inspector.inspect(&text)?;
        let trace = server.traces.keep(text, recording);
        let mut response = as_json(&trace.recording.inspection)?;
        response["id"] = trace.id.to_string().into();
        Ok(axum::Json(response).into_response())
    })
    .await
}

/// Unit finder, gradients and maps for a recorded text.
pub(super) async fn more(
    State(server): State<Arc<Server>>,
    Path(id): Path<u64>,
) -> Result<Response, ApiError> {
    let trace = server.traces.find(id)?;
    http::blocking(move || {
        let found = as_json(&server.inspector.more(&trace.text)?)?;
        let names =
            ["finder", "gradients", "path", "embedding"].into_iter().filter(|name| !found[*name].is_null());
        let response: Value = names.map(|name| (name.to_owned(), found[name].clone())).collect();
        Ok(axum::Json(response).into_response())
    })
    .await
}

pub(super) async fn plane(
    State(server): State<Arc<Server>>,
    Path(id): Path<u64>,
    Query(query): Query<PlaneQuery>,
) -> Result<Response, ApiError> {
    let trace = server.traces.find(id)?;
    http::blocking(move || {
        let planes = &trace.recording.planes;
        let found = planes.iter().find(|((layer, name), _)| *layer == query.layer && *name == query.name);
        let missing = || ApiError::new(StatusCode::NOT_FOUND, "there is no such plane");
        Ok(http::octets(page::packed(found.ok_or_else(missing)?.1)))
    })
    .await
}

fn as_json(inspected: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(inspected)
        .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
