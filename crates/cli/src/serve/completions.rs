//! OpenAI-compatible completions, whole or as a stream of server-sent events.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use refrain::sample::{End, Sampler, SamplingOptions};
use refrain::task::Language;
use refrain::{Cpu, Session};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::generation::{GeneratedToken, Generation, Job};
use crate::http::{self, ApiError};
use crate::seed::fresh_seed;

/// Maximum tokens per text, texts per request, and candidates per token.
const MAX_TOKENS: usize = 100_000;
const MAX_CHOICES: usize = 64;
const MAX_CANDIDATES: usize = 20;

/// Body of a request. Unknown fields are ignored, as in other OpenAI-compatible servers.
#[derive(Deserialize)]
#[serde(expecting = "expected an object such as {\"prompt\": \"...\"}")]
pub(super) struct CompletionRequest {
    prompt: Option<Prompts>,
    max_tokens: Option<usize>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<usize>,
    seed: Option<u64>,
    stop: Option<Stops>,
    n: Option<usize>,
    logprobs: Option<usize>,
    echo: Option<bool>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    suffix: Option<String>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a prompt: a string, or a list of strings")]
enum Prompts {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected stop: a string, or a list of strings")]
enum Stops {
    One(String),
    Several(Vec<String>),
}

/// A language model and its name.
pub(super) struct Completer {
    pub(super) session: Session<Language, Cpu>,
    pub(super) name: String,
    pub(super) generation: Generation,
}

pub(super) async fn models(State(completer): State<Arc<Completer>>) -> Response {
    let model = json!({ "id": completer.name, "object": "model", "created": 0, "owned_by": "refrain" });
    axum::Json(json!({ "object": "list", "data": [model] })).into_response()
}

/// A chunk of a choice in OpenAI's format, and its number of tokens.
type Chunk = (Value, usize);

/// A text that is being generated.
struct Choice {
    index: usize,
    /// The bytes of an incomplete character.
    incomplete: Vec<u8>,
    /// Number of characters so far.
    offset: usize,
    with_logprobs: bool,
}

impl Choice {
    /// Sends the text while it is generated, after its prompt if given, until the client disconnects.
    async fn send(
        mut self,
        prompt: Option<String>,
        mut generated: UnboundedReceiver<refrain::Result<GeneratedToken>>,
        listener: UnboundedSender<Result<Chunk, ApiError>>,
    ) {
        if let Some(prompt) = prompt {
            self.offset = prompt.chars().count();
            let start =
                json!({ "index": self.index, "text": prompt, "logprobs": null, "finish_reason": null });
            if listener.send(Ok((start, 0))).is_err() {
                return;
            }
        }
        loop {
            let next = tokio::select! {
                next = generated.recv() => next,
                () = listener.closed() => return,
            };
            let chunk = match next {
                Some(Ok(next)) => {
                    let tokens_in_chunk = usize::from(next.has_token);
                    Ok((self.next_chunk(next), tokens_in_chunk))
                }
                Some(Err(error)) => Err(error.into()),
                None => return,
            };
            if listener.send(chunk).is_err() {
                return;
            }
        }
    }

    /// A token in OpenAI's format.
    fn next_chunk(&mut self, next: GeneratedToken) -> Value {
        self.incomplete.extend_from_slice(&next.text);
        let text = self.whole_characters(next.end.is_some());
        let logprobs = match (self.with_logprobs, &next.sampled) {
            (true, Some((token, p))) => {
                let top: BTreeMap<_, _> = next.candidates.iter().map(|(t, p)| (t, log_prob(*p))).collect();
                json!({
                    "tokens": [token], "token_logprobs": [log_prob(*p)], "top_logprobs": [top],
                    "text_offset": [self.offset],
                })
            }
            _ => Value::Null,
        };
        self.offset += text.chars().count();
        let reason = next.end.map(|end| match end {
            End::Stop => "stop",
            End::Length => "length",
        });
        json!({ "index": self.index, "text": text, "logprobs": logprobs, "finish_reason": reason })
    }

    /// The complete characters, with `all` also the remaining bytes.
    fn whole_characters(&mut self, all: bool) -> String {
        let end = match std::str::from_utf8(&self.incomplete) {
            Err(error) if error.error_len().is_none() && !all => error.valid_up_to(),
            _ => self.incomplete.len(),
        };
        let rest = self.incomplete.split_off(end);
        String::from_utf8_lossy(&std::mem::replace(&mut self.incomplete, rest)).into_owned()
    }
}

/// Log-probability; finite for a probability of 0, too.
fn log_prob(p: f32) -> f32 {
    p.max(f32::MIN_POSITIVE).ln()
}

pub(super) async fn complete(
    State(completer): State<Arc<Completer>>,
    request: Request,
) -> Result<Response, ApiError> {
    let completion: CompletionRequest = http::json(request).await?;
    let jobs = jobs(&completion)?;
    let prompt_tokens = prompt_tokens(&completer, &jobs)?;
    let with_logprobs = completion.logprobs.is_some();
    let echo = completion.echo.unwrap_or(false);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let head = json!({
        "id": format!("cmpl-{:016x}", fresh_seed()), "object": "text_completion", "created": now,
        "model": completer.name,
    });
    let (sender, mut choices) = unbounded_channel::<Result<Chunk, ApiError>>();
    for (index, job) in jobs.into_iter().enumerate() {
        let prompt = echo.then(|| job.prompt.clone());
        let generated = completer.generation.start(job);
        let choice = Choice { index, incomplete: vec![], offset: 0, with_logprobs };
        tokio::spawn(choice.send(prompt, generated, sender.clone()));
    }
    drop(sender);
    if completion.stream.unwrap_or(false) {
        let usage = completion.stream_options.and_then(|options| options.include_usage).unwrap_or(false);
        return Ok(stream(head, choices, usage.then_some(prompt_tokens)).into_response());
    }
    let mut whole: BTreeMap<u64, Value> = BTreeMap::new();
    let mut tokens = 0;
    while let Some(chunk) = choices.recv().await {
        let (chunk, tokens_in_chunk) = chunk?;
        tokens += tokens_in_chunk;
        match whole.entry(chunk["index"].as_u64().unwrap_or(0)) {
            std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(chunk)),
            std::collections::btree_map::Entry::Occupied(mut entry) => append(entry.get_mut(), chunk),
        }
    }
    let mut response = head;
    response["choices"] = whole.into_values().collect();
    response["usage"] = usage(prompt_tokens, tokens);
    Ok(axum::Json(response).into_response())
}

/// Server-sent events, one per token, and a final `[DONE]`.
fn stream(
    head: Value,
    mut choices: tokio::sync::mpsc::UnboundedReceiver<Result<Chunk, ApiError>>,
    prompt_tokens: Option<usize>,
) -> impl IntoResponse {
    let (sender, events) = unbounded_channel::<Result<Event, Infallible>>();
    tokio::spawn(async move {
        let mut tokens = 0;
        let send = |event: Value| sender.send(Ok(Event::default().data(event.to_string()))).is_ok();
        loop {
            let chunk = tokio::select! {
                chunk = choices.recv() => chunk,
                () = sender.closed() => return,
            };
            let event = match chunk {
                Some(Ok((chunk, tokens_in_chunk))) => {
                    tokens += tokens_in_chunk;
                    let mut event = head.clone();
                    event["choices"] = json!([chunk]);
                    event
                }
                Some(Err(error)) => error.body(),
                None => break,
            };
            if !send(event) {
                return;
            }
        }
        if let Some(prompt_tokens) = prompt_tokens {
            let mut event = head.clone();
            event["choices"] = json!([]);
            event["usage"] = usage(prompt_tokens, tokens);
            send(event);
        }
        // The client may have disconnected.
        let _ = sender.send(Ok(Event::default().data("[DONE]")));
    });
    Sse::new(UnboundedReceiverStream::new(events)).keep_alive(KeepAlive::default())
}

/// The texts to generate: `n` per prompt, with consecutive seeds.
fn jobs(request: &CompletionRequest) -> Result<Vec<Job>, ApiError> {
    let length = request.max_tokens.unwrap_or(16);
    if length > MAX_TOKENS {
        return Err(ApiError::bad(format!("max_tokens is {length}; the maximum is {MAX_TOKENS}")));
    }
    if request.suffix.as_ref().is_some_and(|suffix| !suffix.is_empty()) {
        return Err(ApiError::bad(
            "suffix is not supported: the model generates text from left to right only",
        ));
    }
    let candidates = request.logprobs.map_or(0, |count| count.max(1));
    if candidates > MAX_CANDIDATES {
        return Err(ApiError::bad(format!("logprobs is {candidates}; the maximum is {MAX_CANDIDATES}")));
    }
    let prompts: &[String] = match &request.prompt {
        None => &[String::new()],
        Some(Prompts::One(prompt)) => std::slice::from_ref(prompt),
        Some(Prompts::Several(prompts)) => prompts,
    };
    let n = request.n.unwrap_or(1);
    if n == 0 || prompts.is_empty() || n.saturating_mul(prompts.len()) > MAX_CHOICES {
        return Err(ApiError::bad(format!(
            "prompts × n is {}; it must be between 1 and {MAX_CHOICES}",
            n.saturating_mul(prompts.len())
        )));
    }
    let stop = match &request.stop {
        None => vec![],
        Some(Stops::One(stop)) => vec![stop.clone()],
        Some(Stops::Several(stops)) => stops.clone(),
    };
    let seed = request.seed.unwrap_or_else(fresh_seed);
    let options = SamplingOptions {
        temperature: request.temperature.unwrap_or(1.0),
        // As in other OpenAI-compatible servers, 0 means no limit.
        top_k: request.top_k.filter(|k| *k > 0),
        top_p: request.top_p,
        seed,
        stop: stop.into_iter().filter(|stop| !stop.is_empty()).collect(),
        candidates,
    };
    let each = |(i, prompt): (usize, &String)| {
        (0..n).map(move |number| (i * n + number, prompt.clone())).collect::<Vec<(usize, String)>>()
    };
    let numbered = prompts.iter().enumerate().flat_map(each);
    let job = |(number, prompt): (usize, String)| Job {
        prompt,
        length,
        options: SamplingOptions { seed: seed.wrapping_add(number as u64), ..options.clone() },
    };
    Ok(numbered.map(job).collect())
}

/// Number of tokens of the prompts. Rejects invalid prompts and options before anything is generated.
fn prompt_tokens(completer: &Completer, jobs: &[Job]) -> Result<usize, ApiError> {
    let vocabulary = &completer.session.model().task.vocabulary;
    let mut tokens = 0;
    for job in jobs {
        tokens += vocabulary.encode_prompt(&job.prompt)?.len();
        Sampler::new(&job.options, vocabulary.unknown())?;
    }
    Ok(tokens)
}

fn usage(prompt_tokens: usize, completion_tokens: usize) -> Value {
    json!({
        "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    })
}

/// Appends the next chunk of a choice.
fn append(whole: &mut Value, chunk: Value) {
    if let (Value::String(text), Some(more)) = (&mut whole["text"], chunk["text"].as_str()) {
        text.push_str(more);
    }
    whole["finish_reason"] = chunk["finish_reason"].clone();
    if whole["logprobs"].is_null() {
        whole["logprobs"] = chunk["logprobs"].clone();
    } else if let (Some(lists), Some(more)) =
        (whole["logprobs"].as_object_mut(), chunk["logprobs"].as_object())
    {
        for (name, list) in lists {
            if let (Some(list), Some(more)) = (list.as_array_mut(), more.get(name).and_then(Value::as_array))
            {
                list.extend(more.iter().cloned());
            }
        }
    }
}
