//! `refrain train --live`: a page that shows a run while it trains. Browsers may connect and disconnect at any time.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::{Engine, prelude::BASE64_STANDARD};
use refrain::inspect::Probe;
use refrain::train::{Event, Start};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc::unbounded_channel, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::failure::Failure;
use crate::http::{ApiError, Listener};
use crate::page;

/// Maximum number of stored steps; in a long run every second one is kept, then every fourth, and so on.
const MAX_STEPS: usize = 4_000;

/// The server of the page.
pub(crate) struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    events: Mutex<Events>,
    /// Number of changes to the events.
    changes: watch::Sender<u64>,
    html: Mutex<String>,
}

#[derive(Default)]
struct Events {
    stored: Vec<StoredEvent>,
    probes: Vec<Arc<Probe>>,
    /// One in `every` steps is stored.
    every: u64,
    steps: usize,
    /// Number of times the stored steps were thinned out; connected pages then reload all events.
    downsampled: u64,
}

struct StoredEvent {
    step: Option<u64>,
    json: String,
}

impl Live {
    /// Starts the server on a separate thread. Returns the line that announces its address.
    pub(crate) fn start(port: u16) -> Result<(Self, String), Failure> {
        let listener = Listener::bind("127.0.0.1", port)?;
        let announcement = listener.announcement();
        let shared = Arc::new(Shared {
            events: Mutex::new(Events { every: 1, ..Events::default() }),
            changes: watch::Sender::new(0),
            html: Mutex::new(page::served(&json!({ "host": "live", "version": env!("CARGO_PKG_VERSION") }))),
        });
        let router = router(shared.clone());
        let thread = std::thread::Builder::new().name("live".to_owned());
        let started = thread.spawn(move || {
            if let Err(failure) = listener.serve(router) {
                failure.report();
            }
        });
        started.map_err(|error| Failure::Machine(format!("cannot start a thread: {error}")))?;
        Ok((Self { shared }, announcement))
    }

    /// Stores an event.
    pub(crate) fn on_event(&self, event: &Event) {
        if let Event::Start(start) = event {
            self.shared.set_run(start);
        }
        let mut events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.add(event);
        drop(events);
        self.shared.changes.send_modify(|changes| *changes += 1);
    }
}

impl Shared {
    /// Adds the name and the model of the run to the page.
    fn set_run(&self, start: &Start) {
        let name = start.out.as_deref().map_or_else(|| "a run".to_owned(), page::name_of);
        let model = json!({ "name": name, "summary": start.model, "task": start.task, "parameters": start.parameters });
        let data = json!({ "host": "live", "version": env!("CARGO_PKG_VERSION"), "model": model });
        *self.html.lock().unwrap_or_else(PoisonError::into_inner) = page::served(&data);
    }
}

impl Events {
    fn add(&mut self, event: &Event) {
        let Ok(mut json) = serde_json::to_value(event) else { return };
        let step = match event {
            Event::Step(step) if !step.step.is_multiple_of(self.every) => return,
            Event::Step(step) => Some(step.step),
            Event::Probe { probe, .. } => {
                json["index"] = self.probes.len().into();
                self.probes.push(probe.clone());
                None
            }
            _ => None,
        };
        self.steps += usize::from(step.is_some());
        self.stored.push(StoredEvent { step, json: json.to_string() });
        if self.steps > MAX_STEPS {
            self.every *= 2;
            let every = self.every;
            self.stored.retain(|event| event.step.is_none_or(|step| step.is_multiple_of(every)));
            self.steps = self.stored.iter().filter(|event| event.step.is_some()).count();
            self.downsampled += 1;
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/health", get(async || axum::Json(json!({ "status": "ok" }))))
        .route("/api/live/events", get(events))
        .route("/api/live/probe", get(probe))
        .route("/api/live/probe/{index}", get(plane))
        .with_state(shared)
}

async fn page(State(shared): State<Arc<Shared>>) -> Response {
    let html = shared.html.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ([(CONTENT_SECURITY_POLICY, page::policy("'self'"))], Html(html)).into_response()
}

/// Streams all events of the run, then new ones.
async fn events(State(shared): State<Arc<Shared>>) -> Response {
    let (sender, receiver) = unbounded_channel::<Result<Sent, Infallible>>();
    tokio::spawn(async move {
        let mut changes = shared.changes.subscribe();
        let (mut read, mut downsampled) = (0, None);
        loop {
            let new_events: Vec<String> = {
                let events = shared.events.lock().unwrap_or_else(PoisonError::into_inner);
                if *downsampled.get_or_insert(events.downsampled) != events.downsampled {
                    // The indices of events have changed: end the stream; the page reconnects and reloads all events.
                    return;
                }
                let new_events = events.stored[read..].iter().map(|event| event.json.clone()).collect();
                read = events.stored.len();
                new_events
            };
            if new_events.into_iter().any(|json| sender.send(Ok(Sent::default().data(json))).is_err()) {
                return;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    });
    Sse::new(UnboundedReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response()
}

async fn probe(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let events = shared.events.lock().unwrap_or_else(PoisonError::into_inner);
    let probe = events.probes.first().ok_or_else(|| missing("no activations have been recorded yet"))?;
    let layer = |layer: &refrain::inspect::Layer| json!({ "name": layer.name, "units": layer.units, "planes": layer.planes.keys().collect::<Vec<_>>() });
    let layers: Vec<_> = probe.layers.iter().map(layer).collect();
    Ok(axum::Json(json!({ "tokens": probe.tokens, "layers": layers })).into_response())
}

#[derive(Deserialize)]
struct PlaneQuery {
    layer: usize,
    name: String,
}

async fn plane(
    State(shared): State<Arc<Shared>>,
    Path(index): Path<usize>,
    Query(query): Query<PlaneQuery>,
) -> Result<Response, ApiError> {
    let found = {
        let events = shared.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.probes.get(index).cloned()
    };
    let probe = found.ok_or_else(|| missing("there is no such recording"))?;
    let plane = probe.planes.iter().find(|((layer, name), _)| *layer == query.layer && *name == query.name);
    let (_, plane) = plane.ok_or_else(|| missing("there is no such plane"))?;
    let data = BASE64_STANDARD.encode(page::packed(plane));
    Ok(axum::Json(json!({ "scale": plane.scales(), "data": data })).into_response())
}

fn missing(message: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, message)
}
