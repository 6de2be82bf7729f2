//! Takes what a process prints, line by line: logs with function and request id, and counts in embedded metric format.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use serde_json::Value;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::CountLines;
use crate::engine::lock;

/// The longest log line: CloudWatch's own limit. What is longer is cut.
const LONGEST_LINE: usize = 256 * 1024;

/// How long the pipes of a process may stay open after its end.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// A process's standard output and standard error, read as they come.
pub(super) struct Output {
    request_id: Arc<Mutex<String>>,
    pipes: [mpsc::Sender<oneshot::Sender<()>>; 2],
    readers: JoinSet<()>,
}

/// Where a pipe's lines go.
struct Lines {
    function: String,
    request_id: Arc<Mutex<String>>,
    /// Of standard output only.
    counts: Option<CountLines>,
}

impl Output {
    /// Reads both pipes from now on.
    pub fn read(function: &str, stdout: Option<OwnedFd>, stderr: Option<OwnedFd>, counts: Option<CountLines>) -> io::Result<Self> {
        let request_id = Arc::new(Mutex::new(String::new()));
        let lines = |counts| Lines { function: function.to_owned(), request_id: request_id.clone(), counts };
        let mut readers = JoinSet::new();
        let (out, from_out) = mpsc::channel(1);
        let (err, from_err) = mpsc::channel(1);
        for (pipe, lines, asked) in [(stdout, lines(counts), from_out), (stderr, lines(None), from_err)] {
            if let Some(pipe) = pipe {
                readers.spawn(read(Receiver::from_owned_fd(pipe)?, lines, asked));
            }
        }
        Ok(Self { request_id, pipes: [out, err], readers })
    }

    /// From now on lines are about this request.
    pub fn is_about(&self, request_id: &str) {
        request_id.clone_into(&mut lock(&self.request_id));
    }

    /// Returns when everything that the process has printed by now is taken: a process that waits for its next event has printed all that
    /// there is about the one before.
    pub async fn taken(&self) {
        for pipe in &self.pipes {
            let (done, is_done) = oneshot::channel();
            if pipe.send(done).await.is_ok() {
                // A reader at the end of its pipe has taken all there is.
                let _ = is_done.await;
            }
        }
    }

    /// Returns when everything that a process has printed which has ended is taken.
    pub async fn end(mut self) {
        let ended = async { while self.readers.join_next().await.is_some() {} };
        // A child of the process may hold its pipes open for longer.
        let _ = tokio::time::timeout(LAST_WORDS_WITHIN, ended).await;
    }
}

async fn read(pipe: Receiver, lines: Lines, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
    let mut buffer = BytesMut::new();
    loop {
        let done = tokio::select! {
            biased;
            readable = pipe.readable() => match readable.and_then(|()| take(&pipe, &mut buffer)) {
                Ok(true) => None,
                Ok(false) | Err(_) => break,
            },
            Some(done) = asked.recv() => Some(done),
        };
        // What the kernel holds was printed before the question.
        while done.is_some() && rustix::io::ioctl_fionread(&pipe).is_ok_and(|bytes| bytes > 0) {
            if !matches!(pipe.readable().await.and_then(|()| take(&pipe, &mut buffer)), Ok(true)) {
                break;
            }
        }
        lines.take_whole(&mut buffer);
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
    lines.take_whole(&mut buffer);
    lines.take(&buffer);
}

/// Takes what can be read without waiting; false at the end of the pipe.
fn take(pipe: &Receiver, buffer: &mut BytesMut) -> io::Result<bool> {
    let mut chunk = [0; 8 * 1024];
    match pipe.try_read(&mut chunk) {
        Ok(0) => Ok(false),
        Ok(read) => {
            buffer.extend_from_slice(&chunk[..read]);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

impl Lines {
    fn take_whole(&self, buffer: &mut BytesMut) {
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(end);
            buffer.advance(1);
            self.take(&line);
        }
        if buffer.len() > LONGEST_LINE {
            self.take(&buffer.split_to(LONGEST_LINE));
        }
    }

    fn take(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(&line[..line.len().min(LONGEST_LINE)]);
        if line.trim().is_empty() {
            return;
        }
        let json: Option<Value> = line.starts_with('{').then(|| serde_json::from_str(&line).ok()).flatten();
        if let (Some(counts), Some(json)) = (&self.counts, json.as_ref().filter(|json| json["_aws"]["CloudWatchMetrics"].is_array())) {
            counts(json);
            return;
        }
        let (function, request_id) = (self.function.as_str(), lock(&self.request_id).clone());
        match json.as_ref().and_then(|json| json["level"].as_str()) {
            Some("ERROR") => tracing::error!(target: "annals_local::function", function, request_id, "{line}"),
            Some("WARN") => tracing::warn!(target: "annals_local::function", function, request_id, "{line}"),
            Some("DEBUG" | "TRACE") => tracing::debug!(target: "annals_local::function", function, request_id, "{line}"),
            // A structured line says how grave it is; anything else, such as a panic, is Lambda's INFO.
            _ => tracing::info!(target: "annals_local::function", function, request_id, "{line}"),
        }
    }
}
