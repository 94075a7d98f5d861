//! Connections: whom the server listens to, and how long it waits for those who are slow.

mod refusal;

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::de::DeserializeOwned;
use tokio_stream::StreamExt;

pub(crate) use refusal::Refusal;

use crate::failure::Failure;

/// The longest body that is read.
const MAX_BYTES: usize = 1 << 20;
/// The longest body that is read only so that its sender reads the refusal.
const MAX_DISCARDED: usize = 16 << 20;
/// How long a request may take to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How long to wait when the system has no room for another connection.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// An address that is listened at.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub(crate) fn bind(host: &str, port: u16) -> Result<Self, Failure> {
        let host = if host == "localhost" { "127.0.0.1" } else { host };
        let ip: IpAddr = host.parse().map_err(|_| {
            Failure::Usage(format!(
                "--host {host}: give an address, as 127.0.0.1 (this machine only) or 0.0.0.0"
            ))
        })?;
        let listener = TcpListener::bind((ip, port)).map_err(|error| {
            let message = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    format!("port {port} is taken: give another with --port, or 0 for any")
                }
                _ => format!("cannot listen at {host}, port {port}: {error}"),
            };
            Failure::Machine(message)
        })?;
        let address = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where, and who can reach it.
    pub(crate) fn announcement(&self) -> String {
        let reach = match self.is_private() {
            true => "only this machine can reach it",
            false => "every machine in the network can reach it",
        };
        format!("listening at http://{}/ ({reach})", self.address)
    }

    fn is_private(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// Serves until the program ends.
    pub(crate) fn serve(self, router: Router) -> Result<(), Failure> {
        let private = self.is_private();
        let guarded = middleware::from_fn(move |request: Request, next: Next| async move {
            match arrived(request).await {
                Err(refusal) => refusal.into_response(),
                Ok(request) if private && !is_local(&request) => {
                    Refusal::new(StatusCode::FORBIDDEN, "this server answers to names of this machine only")
                        .into_response()
                }
                Ok(request) => next.run(request).await,
            }
        });
        let unknown = async || Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address");
        let wrong =
            async || Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method");
        let router = router.fallback(unknown).method_not_allowed_fallback(wrong).layer(guarded);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(failed)?;
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Too many open files, most likely: some will be closed.
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                };
                // Pieces of a text are short, and wanted at once.
                let _ = stream.set_nodelay(true);
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let mut http = hyper::server::conn::http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
                    // A client that disconnects needs no answer.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
    }
}

/// Whether a request names this machine: a page from elsewhere that was led here by its own name does not.
fn is_local(request: &Request) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn failed(error: std::io::Error) -> Failure {
    Failure::Machine(format!("the server cannot be started: {error}"))
}

/// A request whose body has arrived.
///
/// Every answer waits for this, refusals too: who is still sending when the connection is closed reads a broken
/// pipe and not the answer.
async fn arrived(request: Request) -> Result<Request, Refusal> {
    let (head, body) = request.into_parts();
    let slow = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time");
    let body = tokio::time::timeout(REQUEST_TIMEOUT, read_whole(body)).await.map_err(slow)??;
    Ok(Request::from_parts(head, Body::from(body)))
}

/// What a body holds. One that is too long is read nevertheless, within reason, and thrown away.
async fn read_whole(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut pieces = body.into_data_stream();
    let (mut whole, mut length) = (vec![], 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refusal::bad("the body broke off"))?;
        length += piece.len();
        if length <= MAX_BYTES {
            whole.extend_from_slice(&piece);
        } else if length > MAX_DISCARDED {
            break;
        }
    }
    let too_long =
        || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {MAX_BYTES} bytes"));
    (length <= MAX_BYTES).then_some(whole).ok_or_else(too_long)
}

/// The JSON of a request that has arrived.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // Pages from elsewhere can send anything but this without being asked first.
    if !kind.starts_with("application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON, with Content-Type: application/json",
        ));
    }
    let body = read_whole(request.into_body()).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad(format!("the body cannot be understood: {error}")))
}

/// Runs what takes long where it keeps nobody waiting.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed at this request");
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

/// Bytes that were worked out.
pub(crate) fn octets(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}
