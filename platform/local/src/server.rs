//! Serves HTTP/1.1 on a listener until the account shuts its servers down.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a connection may take to send its headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// How long open requests may take once the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How much of a body over the limit is read, so that the client hears the refusal instead of a reset.
const DRAINED: usize = 16;

/// What answers: the request, its body whole or `None` when it was over the limit, and where it came from.
pub(crate) trait Answers: Clone + Send + 'static {
    /// The answer; `None` breaks the connection.
    fn answer(&self, request: Request<Option<Bytes>>, peer: SocketAddr) -> impl Future<Output = Option<Response<Bytes>>> + Send;
}

/// Accepts connections until `stop`, then lets open requests finish.
pub(crate) async fn serve(listener: TcpListener, most_bytes: usize, answers: impl Answers, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let watcher = graceful.watcher();
                let answers = answers.clone();
                connections.spawn(async move { connection(stream, peer, most_bytes, answers, watcher).await });
            }
            Err(error) => {
                // Out of file descriptors, mostly: waiting frees some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(STOP_WITHIN, graceful.shutdown()).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    most_bytes: usize,
    answers: impl Answers,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Answers are small and awaited: sending them at once is what matters.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let answers = answers.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = read(body, most_bytes).await?;
            let answer = answers.answer(Request::from_parts(parts, body), peer).await;
            answer.map(|response| response.map(Full::new)).ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset))
        }
    });
    let served =
        http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The body, or `None` when it is over the limit.
pub(crate) async fn read(mut body: Incoming, most_bytes: usize) -> io::Result<Option<Bytes>> {
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        length += data.len();
        if length <= most_bytes {
            whole.extend_from_slice(&data);
        } else if length > most_bytes * DRAINED {
            break;
        }
    }
    Ok((length <= most_bytes).then(|| whole.freeze()))
}
