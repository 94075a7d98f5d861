//! Completions in OpenAI's form, whole or as a stream of server-sent events.

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

use super::generation::{Generation, Job, Written};
use crate::http::{self, Refusal};
use crate::seed::seed_of_the_moment;

/// The most tokens of a text, texts of a request, and candidates of a token.
const MAX_TOKENS: usize = 100_000;
const MAX_CHOICES: usize = 64;
const MAX_CANDIDATES: usize = 20;

/// What is asked for. Fields that make no difference here are passed over, as other servers do.
#[derive(Deserialize)]
#[serde(expecting = "expected an object, as {\"prompt\": \"...\"}")]
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
#[serde(untagged, expecting = "expected a prompt: a text, or a list of texts")]
enum Prompts {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected stop: a text, or a list of texts")]
enum Stops {
    One(String),
    Several(Vec<String>),
}

/// A model that writes, and its name.
pub(super) struct Completer {
    pub(super) session: Session<Language, Cpu>,
    pub(super) name: String,
    pub(super) generation: Generation,
}

pub(super) async fn models(State(completer): State<Arc<Completer>>) -> Response {
    let model = json!({ "id": completer.name, "object": "model", "created": 0, "owned_by": "refrain" });
    axum::Json(json!({ "object": "list", "data": [model] })).into_response()
}

/// A piece of a text in OpenAI's form, and how many tokens were drawn for it.
type Part = (Value, usize);

/// A text being written.
struct Choice {
    index: usize,
    /// What bytes of a character have come, and not all.
    held: Vec<u8>,
    /// Characters so far.
    offset: usize,
    wants_logprobs: bool,
}

impl Choice {
    /// Sends the text as it is written, behind its prompt where that is wanted, until nobody listens any more. The first
    /// symbol tells whether it can be written at all.
    async fn send(
        mut self,
        prompt: Option<String>,
        mut written: UnboundedReceiver<refrain::Result<Written>>,
        listener: UnboundedSender<Result<Part, Refusal>>,
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
                next = written.recv() => next,
                () = listener.closed() => return,
            };
            let part = match next {
                Some(Ok(next)) => {
                    let drawn = usize::from(next.counts);
                    Ok((self.take(next), drawn))
                }
                Some(Err(error)) => Err(error.into()),
                None => return,
            };
            if listener.send(part).is_err() {
                return;
            }
        }
    }

    /// A symbol in OpenAI's form.
    fn take(&mut self, written: Written) -> Value {
        self.held.extend_from_slice(&written.text);
        let text = self.whole_characters(written.end.is_some());
        let logprobs = match (self.wants_logprobs, &written.drawn) {
            (true, Some((token, p))) => {
                let top: BTreeMap<_, _> =
                    written.candidates.iter().map(|(t, p)| (t, logarithm(*p))).collect();
                json!({
                    "tokens": [token], "token_logprobs": [logarithm(*p)], "top_logprobs": [top],
                    "text_offset": [self.offset],
                })
            }
            _ => Value::Null,
        };
        self.offset += text.chars().count();
        let reason = written.end.map(|end| match end {
            End::Stop => "stop",
            End::Length => "length",
        });
        json!({ "index": self.index, "text": text, "logprobs": logprobs, "finish_reason": reason })
    }

    /// The characters that are there, and at the end what is left of them.
    fn whole_characters(&mut self, all: bool) -> String {
        let end = match std::str::from_utf8(&self.held) {
            Err(error) if error.error_len().is_none() && !all => error.valid_up_to(),
            _ => self.held.len(),
        };
        let rest = self.held.split_off(end);
        String::from_utf8_lossy(&std::mem::replace(&mut self.held, rest)).into_owned()
    }
}

/// Nothing is less probable than this.
fn logarithm(p: f32) -> f32 {
    p.max(f32::MIN_POSITIVE).ln()
}

pub(super) async fn complete(
    State(completer): State<Arc<Completer>>,
    request: Request,
) -> Result<Response, Refusal> {
    let completion: CompletionRequest = http::json(request).await?;
    let jobs = jobs(&completion)?;
    let prompt_tokens = prompt_tokens(&completer, &jobs)?;
    let wants_logprobs = completion.logprobs.is_some();
    let echo = completion.echo.unwrap_or(false);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let head = json!({
        "id": format!("cmpl-{:016x}", seed_of_the_moment()), "object": "text_completion", "created": now,
        "model": completer.name,
    });
    let (sender, mut choices) = unbounded_channel::<Result<Part, Refusal>>();
    for (index, job) in jobs.into_iter().enumerate() {
        let prompt = echo.then(|| job.prompt.clone());
        let written = completer.generation.start(job);
        let choice = Choice { index, held: vec![], offset: 0, wants_logprobs };
        tokio::spawn(choice.send(prompt, written, sender.clone()));
    }
    drop(sender);
    if completion.stream.unwrap_or(false) {
        let usage = completion.stream_options.and_then(|options| options.include_usage).unwrap_or(false);
        return Ok(stream(head, choices, usage.then_some(prompt_tokens)).into_response());
    }
    let mut whole: BTreeMap<u64, Value> = BTreeMap::new();
    let mut tokens = 0;
    while let Some(part) = choices.recv().await {
        let (part, drawn) = part?;
        tokens += drawn;
        match whole.entry(part["index"].as_u64().unwrap_or(0)) {
            std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(part)),
            std::collections::btree_map::Entry::Occupied(mut entry) => append(entry.get_mut(), part),
        }
    }
    let mut answer = head;
    answer["choices"] = whole.into_values().collect();
    answer["usage"] = usage(prompt_tokens, tokens);
    Ok(axum::Json(answer).into_response())
}

/// Server-sent events, one a symbol, and the end in OpenAI's word for it.
fn stream(
    head: Value,
    mut choices: tokio::sync::mpsc::UnboundedReceiver<Result<Part, Refusal>>,
    prompt_tokens: Option<usize>,
) -> impl IntoResponse {
    let (sender, events) = unbounded_channel::<Result<Event, Infallible>>();
    tokio::spawn(async move {
        let mut tokens = 0;
        let told = |event: Value| sender.send(Ok(Event::default().data(event.to_string()))).is_ok();
        loop {
            let part = tokio::select! {
                part = choices.recv() => part,
                () = sender.closed() => return,
            };
            let event = match part {
                Some(Ok((part, drawn))) => {
                    tokens += drawn;
                    let mut event = head.clone();
                    event["choices"] = json!([part]);
                    event
                }
                Some(Err(refusal)) => refusal.body(),
                None => break,
            };
            if !told(event) {
                return;
            }
        }
        if let Some(prompt_tokens) = prompt_tokens {
            let mut event = head.clone();
            event["choices"] = json!([]);
            event["usage"] = usage(prompt_tokens, tokens);
            told(event);
        }
        // Nobody left to be told the end has seen it.
        let _ = sender.send(Ok(Event::default().data("[DONE]")));
    });
    Sse::new(UnboundedReceiverStream::new(events)).keep_alive(KeepAlive::default())
}

/// What is to be written: as many texts as are wanted of each prompt, of seeds one after the other.
fn jobs(request: &CompletionRequest) -> Result<Vec<Job>, Refusal> {
    let length = request.max_tokens.unwrap_or(16);
    if length > MAX_TOKENS {
        return Err(Refusal::bad(format!("max_tokens is {length}: ask for at most {MAX_TOKENS}")));
    }
    if request.suffix.as_ref().is_some_and(|suffix| !suffix.is_empty()) {
        return Err(Refusal::bad(
            "suffix: a recurrent network reads forwards only, and writes nothing towards an end",
        ));
    }
    let candidates = request.logprobs.map_or(0, |wanted| wanted.max(1));
    if candidates > MAX_CANDIDATES {
        return Err(Refusal::bad(format!("logprobs is {candidates}: ask for at most {MAX_CANDIDATES}")));
    }
    let prompts: &[String] = match &request.prompt {
        None => &[String::new()],
        Some(Prompts::One(prompt)) => std::slice::from_ref(prompt),
        Some(Prompts::Several(prompts)) => prompts,
    };
    let n = request.n.unwrap_or(1);
    if n == 0 || prompts.is_empty() || n.saturating_mul(prompts.len()) > MAX_CHOICES {
        return Err(Refusal::bad(format!(
            "{} prompts, n = {n}: ask for 1 to {MAX_CHOICES} texts at a time",
            prompts.len()
        )));
    }
    let stop = match &request.stop {
        None => vec![],
        Some(Stops::One(stop)) => vec![stop.clone()],
        Some(Stops::Several(stops)) => stops.clone(),
    };
    let seed = request.seed.unwrap_or_else(seed_of_the_moment);
    let options = SamplingOptions {
        temperature: request.temperature.unwrap_or(1.0),
        // In other servers 0 is a way to say that there is no such limit.
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

/// How many tokens the prompts have; refuses what cannot be read or drawn before anything is written.
fn prompt_tokens(completer: &Completer, jobs: &[Job]) -> Result<usize, Refusal> {
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

/// Puts the next symbol of a text behind what there is of it.
fn append(whole: &mut Value, part: Value) {
    if let (Value::String(text), Some(more)) = (&mut whole["text"], part["text"].as_str()) {
        text.push_str(more);
    }
    whole["finish_reason"] = part["finish_reason"].clone();
    if whole["logprobs"].is_null() {
        whole["logprobs"] = part["logprobs"].clone();
    } else if let (Some(lists), Some(more)) =
        (whole["logprobs"].as_object_mut(), part["logprobs"].as_object())
    {
        for (name, list) in lists {
            if let (Some(list), Some(more)) = (list.as_array_mut(), more.get(name).and_then(Value::as_array))
            {
                list.extend(more.iter().cloned());
            }
        }
    }
}
