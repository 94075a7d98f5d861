//! `refrain train --live`: a run as it happens, on a page. The page may come and go; the run takes no notice.

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
use crate::http::{Listener, Refusal};
use crate::page;

/// Steps that are told: of a long run every second one, then every fourth, and so on.
const MAX_STEPS: usize = 4_000;

/// The page of a run, and what has happened so far.
pub(crate) struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    /// In the order in which they came.
    events: Mutex<Events>,
    /// How many changes there have been.
    changes: watch::Sender<u64>,
    boot: Mutex<String>,
}

#[derive(Default)]
struct Events {
    told: Vec<Told>,
    probes: Vec<Arc<Probe>>,
    /// Of the steps of the run every so many are kept.
    every: u64,
    steps: usize,
    /// How often events were thinned out: who had read some then begins again.
    thinned: u64,
}

struct Told {
    step: Option<u64>,
    json: String,
}

impl Live {
    /// Begins to listen, on a thread of its own; says where.
    pub(crate) fn start(port: u16) -> Result<(Self, String), Failure> {
        let listener = Listener::bind("127.0.0.1", port)?;
        let announcement = listener.announcement();
        let shared = Arc::new(Shared {
            events: Mutex::new(Events { every: 1, ..Events::default() }),
            changes: watch::Sender::new(0),
            boot: Mutex::new(page::served(&json!({ "host": "live", "version": env!("CARGO_PKG_VERSION") }))),
        });
        let router = router(shared.clone());
        let thread = std::thread::Builder::new().name("live".to_owned());
        let started = thread.spawn(move || {
            if let Err(failure) = listener.serve(router) {
                failure.report();
            }
        });
        started.map_err(|error| Failure::Machine(format!("no thread can be started: {error}")))?;
        Ok((Self { shared }, announcement))
    }

    /// Takes note of an event.
    pub(crate) fn on_event(&self, event: &Event) {
        if let Event::Start(start) = event {
            self.shared.introduce(start);
        }
        let mut events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.add(event);
        drop(events);
        self.shared.changes.send_modify(|changes| *changes += 1);
    }
}

impl Shared {
    /// The page gets a title.
    fn introduce(&self, start: &Start) {
        let name = start.out.as_deref().map_or_else(|| "a run".to_owned(), page::name_of);
        let model = json!({ "name": name, "summary": start.model, "task": start.task, "parameters": start.parameters });
        let boot = json!({ "host": "live", "version": env!("CARGO_PKG_VERSION"), "model": model });
        *self.boot.lock().unwrap_or_else(PoisonError::into_inner) = page::served(&boot);
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
        self.told.push(Told { step, json: json.to_string() });
        if self.steps > MAX_STEPS {
            self.every *= 2;
            let every = self.every;
            self.told.retain(|told| told.step.is_none_or(|step| step.is_multiple_of(every)));
            self.steps = self.told.iter().filter(|told| told.step.is_some()).count();
            self.thinned += 1;
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
    let html = shared.boot.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ([(CONTENT_SECURITY_POLICY, page::policy("'self'"))], Html(html)).into_response()
}

/// Everything from the beginning of the run, and then what comes.
async fn events(State(shared): State<Arc<Shared>>) -> Response {
    let (sender, receiver) = unbounded_channel::<Result<Sent, Infallible>>();
    tokio::spawn(async move {
        let mut changes = shared.changes.subscribe();
        let (mut read, mut thinned) = (0, None);
        loop {
            let news: Vec<String> = {
                let events = shared.events.lock().unwrap_or_else(PoisonError::into_inner);
                if *thinned.get_or_insert(events.thinned) != events.thinned {
                    // What was read has changed its place: the stream ends, the page asks again and begins anew.
                    return;
                }
                let news = events.told[read..].iter().map(|told| told.json.clone()).collect();
                read = events.told.len();
                news
            };
            if news.into_iter().any(|json| sender.send(Ok(Sent::default().data(json))).is_err()) {
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

async fn probe(State(shared): State<Arc<Shared>>) -> Result<Response, Refusal> {
    let events = shared.events.lock().unwrap_or_else(PoisonError::into_inner);
    let probe = events.probes.first().ok_or_else(|| missing("nothing has been looked at yet"))?;
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
) -> Result<Response, Refusal> {
    let found = {
        let events = shared.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.probes.get(index).cloned()
    };
    let probe = found.ok_or_else(|| missing("there is no such moment"))?;
    let plane = probe.planes.iter().find(|((layer, name), _)| *layer == query.layer && *name == query.name);
    let (_, plane) = plane.ok_or_else(|| missing("there is no such plane"))?;
    let data = BASE64_STANDARD.encode(page::packed(plane));
    Ok(axum::Json(json!({ "scale": plane.scales(), "data": data })).into_response())
}

fn missing(message: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, message)
}
