//! HTTP connections: address, limits, timeouts.

mod error;

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

pub(crate) use error::ApiError;

use crate::failure::Failure;

/// Maximum length of a body.
const MAX_BYTES: usize = 1 << 20;
/// Maximum length of a body that is received and discarded, so that its sender gets the error.
const MAX_DISCARDED: usize = 16 << 20;
/// Timeout for receiving a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Delay after a connection could not be accepted.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A bound socket.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub(crate) fn bind(host: &str, port: u16) -> Result<Self, Failure> {
        let host = if host == "localhost" { "127.0.0.1" } else { host };
        let ip: IpAddr = host.parse().map_err(|_| {
            Failure::Usage(format!(
                "--host {host}: give an address such as 127.0.0.1 (this machine only) or 0.0.0.0"
            ))
        })?;
        let listener = TcpListener::bind((ip, port)).map_err(|error| {
            let message = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    format!("port {port} is in use: give another with --port, or 0 for any")
                }
                _ => format!("cannot listen on {host}, port {port}: {error}"),
            };
            Failure::Machine(message)
        })?;
        let address = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The address, and from where it can be reached.
    pub(crate) fn announcement(&self) -> String {
        let reach = match self.is_private() {
            true => "reachable from this machine only",
            false => "reachable from the network",
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
            match received(request).await {
                Err(error) => error.into_response(),
                Ok(request) if private && !is_local(&request) => ApiError::new(
                    StatusCode::FORBIDDEN,
                    "this server accepts only names of this machine as host",
                )
                .into_response(),
                Ok(request) => next.run(request).await,
            }
        });
        let unknown = async || ApiError::new(StatusCode::NOT_FOUND, "unknown path");
        let wrong = async || ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
        let router = router.fallback(unknown).method_not_allowed_fallback(wrong).layer(guarded);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(failed)?;
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Most likely too many open files, of which some will be closed.
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                };
                // Tokens are short, and should not be delayed.
                let _ = stream.set_nodelay(true);
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let mut http = hyper::server::conn::http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
                    // A client that disconnects needs no response.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
    }
}

/// Whether the host of a request is this machine. In a DNS rebinding attack it is another one.
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
    Failure::Machine(format!("cannot start the server: {error}"))
}

/// Receives the whole body of a request.
///
/// Every response waits for this, errors too: a client that is still sending when the connection is closed gets a broken
/// pipe instead of the response.
async fn received(request: Request) -> Result<Request, ApiError> {
    let (head, body) = request.into_parts();
    let slow = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time");
    let body = tokio::time::timeout(REQUEST_TIMEOUT, read_whole(body)).await.map_err(slow)??;
    Ok(Request::from_parts(head, Body::from(body)))
}

/// Reads a body. One that is too long is received up to [`MAX_DISCARDED`] and discarded.
async fn read_whole(body: Body) -> Result<Vec<u8>, ApiError> {
    let mut chunks = body.into_data_stream();
    let (mut whole, mut length) = (vec![], 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad("the body is incomplete"))?;
        length += chunk.len();
        if length <= MAX_BYTES {
            whole.extend_from_slice(&chunk);
        } else if length > MAX_DISCARDED {
            break;
        }
    }
    let too_long =
        || ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {MAX_BYTES} bytes"));
    (length <= MAX_BYTES).then_some(whole).ok_or_else(too_long)
}

/// Parses the JSON body of a request.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // Other sites can send this content type only after a preflight request.
    if !kind.starts_with("application/json") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON, with Content-Type: application/json",
        ));
    }
    let body = read_whole(request.into_body()).await?;
    serde_json::from_slice(&body).map_err(|error| ApiError::bad(format!("invalid body: {error}")))
}

/// Runs blocking work on a separate thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let failed = |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

/// A binary response.
pub(crate) fn octets(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}
