//! `refrain serve`: a model over HTTP, for browsers (the page of `refrain inspect`, with a playground) and for programs
//! (OpenAI-compatible completions).

mod completions;
mod generation;
mod inspectors;
mod traces;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::Html;
use axum::routing::{any, get, post};
use refrain::inspect::ModelSummary;
use refrain::task::Language;
use refrain::{AnyModel, Model, with_any};
use serde_json::json;

use crate::args::Args;
use crate::failure::Failure;
use crate::http::{ApiError, Listener};
use crate::{out, page};
use completions::Completer;
use generation::Generation;
use inspectors::{LanguageInspector, TextInspector, session};

/// Shared state of the requests of the page.
pub(crate) struct Server {
    inspector: Box<dyn TextInspector>,
    summary: ModelSummary,
    traces: traces::Traces,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let model = AnyModel::load(args.model())?;
    let summary = with_any!(&model, model => ModelSummary::of(model, &page::name_of(args.model())));
    let router = match model {
        AnyModel::Language(model) => language(args, model, &summary)?,
        model => {
            let inspector = inspectors::of_model(model, args)?;
            let message = "this model does not support completions; use /api/trace";
            let not_supported = any(async move || ApiError::new(StatusCode::NOT_FOUND, message));
            page_router(summary.clone(), inspector).route("/v1/{*path}", not_supported)
        }
    };
    let listener = Listener::bind(args.host.as_deref().unwrap_or("127.0.0.1"), args.port.unwrap_or(8080))?;
    out::line(&format!("{}: {}", summary.name, summary.summary))?;
    out::line(&format!("{} (press Ctrl-C to stop)", listener.announcement()))?;
    listener.serve(router)
}

/// For language models: also completions.
fn language(args: &Args, model: Model<Language>, summary: &ModelSummary) -> Result<Router, Failure> {
    let session = session(args, model)?;
    let generation = Generation::start_thread(session.clone(), args.threads())?;
    let name = summary.name.clone();
    let completer = Arc::new(Completer { session: session.clone(), name: name.clone(), generation });
    let completions = Router::new()
        .route("/v1/models", get(completions::models))
        .route("/v1/completions", post(completions::complete))
        .with_state(completer);
    let page = page_router(summary.clone(), Box::new(LanguageInspector { session, name }));
    Ok(page.merge(completions))
}

fn page_router(summary: ModelSummary, inspector: Box<dyn TextInspector>) -> Router {
    let html = page::served(&json!({ "host": "serve", "version": env!("CARGO_PKG_VERSION") }));
    let policy = page::policy("'self'");
    let server = Arc::new(Server { inspector, summary, traces: traces::Traces::default() });
    Router::new()
        .route("/", get(async move || ([(CONTENT_SECURITY_POLICY, policy)], Html(html))))
        .route("/health", get(async || axum::Json(json!({ "status": "ok" }))))
        .route("/api/info", get(traces::info))
        .route("/api/trace", post(traces::trace))
        .route("/api/trace/{id}/more", get(traces::more))
        .route("/api/trace/{id}/plane", get(traces::plane))
        .with_state(server)
}
