//! What one connection asks for over HTTP: a websocket, or how the relay is.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_tungstenite::HyperWebsocket;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::conn::{self, Peer};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::metrics;

/// How long a client may take to send the head of its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How many bytes the head of a request may have.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Where the websocket is.
const SYNC_PATH: &str = "/sync";

/// The websocket that a request asked for, once it did.
type Upgrade = Mutex<Option<HyperWebsocket>>;

/// Serves one connection: one request, and the websocket if that is what it asked for.
pub(crate) async fn serve<S>(stream: S, peer: Peer, hub: Arc<Hub>, limits: Arc<Limits>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let upgrade = Upgrade::default();
    let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(request, &hub, &upgrade))));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
    builder.max_buf_size(REQUEST_BYTES_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    if let Err(error) = Box::pin(connection).await {
        tracing::debug!(%error, "a connection failed");
        return;
    }
    let Some(websocket) = upgrade.into_inner().unwrap_or_else(PoisonError::into_inner) else { return };
    match websocket.await {
        Ok(socket) => conn::serve(socket, &hub, limits.close_timeout, peer).await,
        Err(error) => tracing::debug!(%error, "a websocket failed before it began"),
    }
}

fn answer(mut request: Request<Incoming>, hub: &Hub, upgrade: &Upgrade) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let websocket = path == SYNC_PATH || path == "/";
    if websocket && hyper_tungstenite::is_upgrade_request(&request) {
        return match hyper_tungstenite::upgrade(&mut request, Some(conn::websocket_config())) {
            Ok((response, websocket)) => {
                *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(websocket);
                response
            }
            Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    let state = |good: bool, yes: &'static str, no: &'static str| {
        if good { text(StatusCode::OK, yes) } else { text(StatusCode::SERVICE_UNAVAILABLE, no) }
    };
    match path {
        "/healthz" => state(hub.is_healthy(), "the store works\n", "the store failed\n"),
        "/readyz" => state(hub.is_ready(), "ready\n", "not ready\n"),
        "/metrics" => metrics_page(hub),
        SYNC_PATH => text(StatusCode::UPGRADE_REQUIRED, "this is a websocket\n"),
        "/" => text(StatusCode::OK, "A relay of Quire. Its websocket is at /sync.\n"),
        _ => text(StatusCode::NOT_FOUND, "not here\n"),
    }
}

fn metrics_page(hub: &Hub) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, metrics::render(hub));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// A page; the connection is closed behind it.
fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
