//! `refrain serve`: a model over HTTP, for browsers (the page of `refrain inspect`, live, with a playground) and for programs
//! (completions in OpenAI's form).

pub(crate) mod answer;
mod completions;
pub(crate) mod http;
mod traces;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::Html;
use axum::routing::{get, post};
use refrain::inspect::Facts;
use refrain::sample::Options;
use refrain::task::Language;
use refrain::{Cpu, Model, PrecisionChoice, Session, task_of};
use serde_json::json;

use crate::train::named;
use crate::{Failure, machine, out, page};

/// Serve a language model over HTTP: its page in a browser, and completions for programs.
///
/// The page shows what the model does with any text, and writes: every character has the likeliest ones beside it, and a click
/// goes on from another. Programs find completions in OpenAI's form at /v1/completions. Only this machine can reach it, unless
/// --host says otherwise.
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
    /// f32, bf16, int8, or auto: bf16 where the processor has tile units for it [auto]
    #[arg(long, value_parser = named::<PrecisionChoice>)]
    precision: Option<PrecisionChoice>,
    /// Threads [all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

const EXAMPLES: &str = "\
Examples:
  refrain serve runs/play                     then open http://127.0.0.1:8080/
  curl -N http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\
       -d '{\"prompt\": \"ROMEO:\", \"max_tokens\": 200, \"temperature\": 0.7, \"stream\": true}'";

/// What all requests share. The model lives as long as the program.
pub(crate) struct Server {
    session: &'static Session<'static, Language, Cpu>,
    facts: Facts,
    writer: writer::Writer,
    traces: traces::Traces,
}

/// Symbols of the text that the page begins with.
const SAMPLE: usize = 400;

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let task = task_of(&args.model)?;
    if task != "language" {
        return Err(Failure::Usage(format!("that is a model of {task}: language models can be served")));
    }
    let name = page::name_of(&args.model);
    let model: &'static Model<Language> = Box::leak(Box::new(Model::load(&args.model)?));
    let hidden_size = model.task.network.architecture().hidden_size;
    let backend: &'static Cpu =
        Box::leak(Box::new(machine::backend(args.threads, args.precision, hidden_size)?));
    let session: &'static Session<'static, Language, Cpu> = Box::leak(Box::new(model.on(backend)));
    let server = Arc::new(Server {
        session,
        facts: Facts::of(model, &name),
        writer: writer::Writer::start(
            session,
            args.threads.unwrap_or_else(refrain::train::available_threads),
        )?,
        traces: traces::Traces::default(),
    });
    let listener = http::Listener::bind(&args.host, args.port)?;
    out::line(&format!("{name}: {}", server.facts.summary))?;
    out::line(&format!("{}; ctrl-C ends it", listener.announcement()))?;
    listener.serve(router(server))
}

fn router(server: Arc<Server>) -> Router {
    let boot = page::served(&json!({ "host": "serve", "version": env!("CARGO_PKG_VERSION") }));
    let policy = page::policy("'self'");
    Router::new()
        .route("/", get(async move || ([(CONTENT_SECURITY_POLICY, policy)], Html(boot))))
        .route("/health", get(async || axum::Json(json!({ "status": "ok" }))))
        .route("/v1/models", get(completions::models))
        .route("/v1/completions", post(completions::complete))
        .route("/api/info", get(traces::info))
        .route("/api/trace", post(traces::trace))
        .route("/api/trace/{id}/more", get(traces::more))
        .route("/api/trace/{id}/plane", get(traces::plane))
        .with_state(server)
}

impl Server {
    /// A text to begin with, of the model's own.
    fn sample(&self) -> String {
        let options = Options { temperature: 0.8, ..Options::default() };
        self.session.write("", SAMPLE, &options).unwrap_or_default()
    }
}
