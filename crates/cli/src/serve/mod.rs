//! `refrain serve`: a model over HTTP, for browsers (the page of `refrain inspect`, live, with a playground) and for programs
//! (completions in OpenAI's form).

mod completions;
mod generation;
mod inspectors;
mod traces;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::Html;
use axum::routing::{any, get, post};
use refrain::inspect::Facts;
use refrain::task::Language;
use refrain::{AnyModel, Model, with_any};
use serde_json::json;

use crate::device::DeviceArgs;
use crate::failure::Failure;
use crate::http::{Listener, Refusal};
use crate::{out, page};
use completions::Completer;
use generation::Generation;
use inspectors::{LanguageInspector, TextInspector};

/// Serve a model over HTTP: its page in a browser, and completions for programs.
///
/// The page shows what the model does with any text that is typed. A language model also writes: every character has the
/// likeliest ones beside it, and a click goes on from another; programs find completions in OpenAI's form at /v1/completions.
/// Only this machine can reach it, unless --host says otherwise.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: PathBuf,
    /// The address to listen at; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// The port; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = 8080)]
    port: u16,
    #[command(flatten)]
    device: DeviceArgs,
}

const EXAMPLES: &str = "\
Examples:
  refrain serve runs/play                     then open http://127.0.0.1:8080/
  curl -N http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\
       -d '{\"prompt\": \"ROMEO:\", \"max_tokens\": 200, \"temperature\": 0.7, \"stream\": true}'";

/// What the page's requests share.
pub(crate) struct Server {
    inspector: Box<dyn TextInspector>,
    facts: Facts,
    traces: traces::Traces,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let model = AnyModel::load(&args.model)?;
    let facts = with_any!(&model, model => Facts::of(model, &page::name_of(&args.model)));
    let router = match model {
        AnyModel::Language(model) => language(&args, model, &facts)?,
        model => {
            let inspector = inspectors::of_model(model, &args)?;
            let message = "this model writes no text: what it makes of one is at /api/trace";
            let none = any(async move || Refusal::new(StatusCode::NOT_FOUND, message));
            page_of(facts.clone(), inspector).route("/v1/{*path}", none)
        }
    };
    let listener = Listener::bind(&args.host, args.port)?;
    out::line(&format!("{}: {}", facts.name, facts.summary))?;
    out::line(&format!("{}; ctrl-C ends it", listener.announcement()))?;
    listener.serve(router)
}

/// A language model also writes.
fn language(args: &Args, model: Model<Language>, facts: &Facts) -> Result<Router, Failure> {
    let session = args.session(model)?;
    let generation = Generation::begin(session.clone(), args.device.threads())?;
    let name = facts.name.clone();
    let completer = Arc::new(Completer { session: session.clone(), name: name.clone(), generation });
    let completions = Router::new()
        .route("/v1/models", get(completions::models))
        .route("/v1/completions", post(completions::complete))
        .with_state(completer);
    let page = page_of(facts.clone(), Box::new(LanguageInspector { session, name }));
    Ok(page.merge(completions))
}

fn page_of(facts: Facts, inspector: Box<dyn TextInspector>) -> Router {
    let boot = page::served(&json!({ "host": "serve", "version": env!("CARGO_PKG_VERSION") }));
    let policy = page::policy("'self'");
    let server = Arc::new(Server { inspector, facts, traces: traces::Traces::default() });
    Router::new()
        .route("/", get(async move || ([(CONTENT_SECURITY_POLICY, policy)], Html(boot))))
        .route("/health", get(async || axum::Json(json!({ "status": "ok" }))))
        .route("/api/info", get(traces::info))
        .route("/api/trace", post(traces::trace))
        .route("/api/trace/{id}/more", get(traces::more))
        .route("/api/trace/{id}/plane", get(traces::plane))
        .with_state(server)
}
