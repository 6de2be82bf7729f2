//! Objects of an S3 bucket, with Object Lock on AWS: `s3://<bucket>/<folder>`.
//!
//! Three requests, signed by `aws-sigv4` and sent over [`Web`]: the SDK of S3 is much more than that. An insert is a PUT with
//! `If-None-Match: *`, which S3 refuses where the key exists. Source: S3 User Guide, "Conditional writes"; API Reference, "ListObjectsV2".

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use annals_kit::Clock;
use annals_lambda::{Account, Web};
use annals_log::BoxError;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::objects::{Answering, Kept, Objects, checkpoint_path, checkpoint_size, compare};

/// How a place in a bucket is written.
const SCHEME: &str = "s3://";

/// Objects below one folder of a bucket.
pub struct Bucket {
    web: Arc<dyn Web>,
    account: Account,
    clock: Arc<dyn Clock>,
    /// What every URI begins with.
    base: String,
    folder: String,
    /// The newest checkpoint that was found: the next one is not before it.
    newest: Mutex<Option<u64>>,
}

impl Bucket {
    /// The objects at `place`, if that is one in a bucket: `s3://<bucket>/<folder>`, in the region of `account`.
    pub fn at(place: &str, web: Arc<dyn Web>, account: Account, clock: Arc<dyn Clock>) -> Option<Self> {
        let (bucket, folder) = place.strip_prefix(SCHEME)?.split_once('/')?;
        let base = match &account.endpoint {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{}.amazonaws.com", account.region),
        };
        Some(Self { web, account, clock, base, folder: folder.trim_end_matches('/').to_owned(), newest: Mutex::new(None) })
    }

    /// Whether `place` is one in a bucket.
    pub fn is_one(place: &str) -> bool {
        place.starts_with(SCHEME)
    }

    fn key(&self, path: &str) -> String {
        format!("/{}/{path}", self.folder)
    }

    /// Sends a signed request and waits for the answer, whatever it is.
    async fn ask(&self, request: http::request::Builder, uri: &str, body: &[u8]) -> Result<http::Response<bytes::Bytes>, BoxError> {
        let uri: http::Uri = format!("{}{uri}", self.base).parse()?;
        let host = uri.authority().ok_or("an endpoint of S3 has a host")?.to_string();
        let mut request = request.uri(uri).header("host", host).body(bytes::Bytes::copy_from_slice(body))?;
        let text = |value: &http::HeaderValue| value.to_str().map(str::to_owned);
        let headers = request.headers().iter().map(|(name, value)| Ok((name.to_string(), text(value)?)));
        let headers = headers.collect::<Result<Vec<_>, BoxError>>()?;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable = SignableRequest::new(request.method().as_str(), request.uri().to_string(), headers, SignableBody::Bytes(body))?;
        let identity = self.account.credentials.clone().into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder().identity(&identity).region(&self.account.region).name("s3");
        let params = params.time(self.now()).settings(settings).build()?.into();
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        self.web.call(request).await
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.clock.now().seconds().unsigned_abs())
    }

    /// The first `most` checkpoints after the one of this size, and whether there are more.
    async fn after(&self, size: Option<u64>, most: usize) -> Result<(Vec<u64>, bool), BoxError> {
        let folder = format!("{}/", self.folder);
        let begin = size.map_or_else(|| format!("{folder}checkpoints/"), |size| format!("{folder}{}", checkpoint_path(size)));
        // In the order of their names, as the signature needs them.
        let query =
            [("list-type", "2"), ("max-keys", &most.to_string()), ("prefix", &format!("{folder}checkpoints/")), ("start-after", &begin)]
                .map(|(name, value)| format!("{name}={}", value.replace('/', "%2F")))
                .join("&");
        let answer = expect(200, self.ask(http::Request::builder().method("GET"), &format!("/?{query}"), b"").await?)?;
        let text = String::from_utf8(answer)?;
        // Keys of ours hold nothing that XML would escape.
        let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>")).map(|(key, _)| key);
        let sizes = keys.filter_map(|key| checkpoint_size(key.strip_prefix(&folder)?)).collect();
        Ok((sizes, text.contains("<IsTruncated>true</IsTruncated>")))
    }

    /// The next checkpoint after the one of this size.
    async fn next(&self, size: u64) -> Result<Option<u64>, BoxError> {
        Ok(self.after(Some(size), 1).await?.0.first().copied())
    }

    /// The newest checkpoint. S3 lists forward only: from the last that is known in growing steps, then by halves.
    ///
    /// Cost: a request where nothing is new, three where there is one more; some sixty for a year of checkpoints that nobody has seen.
    async fn find_newest(&self) -> Result<Option<u64>, BoxError> {
        let known = *self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let first = match known {
            Some(size) => Some(size),
            None => self.after(None, 1).await?.0.first().copied(),
        };
        let Some(mut low) = first else { return Ok(None) };
        // There is none beyond `high`, and `low` is one.
        let mut step = 0;
        let mut high = loop {
            let beyond = low.saturating_add(step);
            match self.next(beyond).await? {
                Some(found) => (low, step) = (found, step * 2 + 1),
                None => break beyond,
            }
        };
        while low < high {
            let middle = low + (high - low) / 2;
            match self.next(middle).await? {
                Some(found) => low = found,
                None => high = middle,
            }
        }
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(low);
        Ok(Some(low))
    }
}

/// The body of an answer that has this status.
fn expect(status: u16, answer: http::Response<bytes::Bytes>) -> Result<Vec<u8>, BoxError> {
    if answer.status().as_u16() == status {
        return Ok(answer.into_body().to_vec());
    }
    // S3 says why in XML; its code is enough, and names no key.
    let text = String::from_utf8_lossy(answer.body());
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("no reason", |(code, _)| code);
    Err(format!("S3 answered {}: {code}", answer.status()).into())
}

impl Objects for Bucket {
    fn insert<'a>(&'a self, path: &'a str, bytes: &'a [u8]) -> Answering<'a, Kept> {
        Box::pin(async move {
            // A bucket with Object Lock takes nothing without a checksum.
            let checksum = STANDARD.encode(Sha256::digest(bytes));
            let request = http::Request::builder().method("PUT").header("if-none-match", "*").header("x-amz-checksum-sha256", checksum);
            let answer = self.ask(request, &self.key(path), bytes).await?;
            if answer.status() != http::StatusCode::PRECONDITION_FAILED {
                return expect(200, answer).map(|_| Kept::Same);
            }
            let kept = self.read(path).await?.ok_or("an object that exists cannot be read")?;
            Ok(compare(&kept, bytes))
        })
    }

    fn read<'a>(&'a self, path: &'a str) -> Answering<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let answer = self.ask(http::Request::builder().method("GET"), &self.key(path), b"").await?;
            // The role may list the bucket, or S3 would say 403 of what is not there.
            if answer.status() == http::StatusCode::NOT_FOUND { Ok(None) } else { expect(200, answer).map(Some) }
        })
    }

    fn checkpoints(&self) -> Answering<'_, Vec<u64>> {
        Box::pin(async move {
            let (mut sizes, mut more) = self.after(None, 1000).await?;
            while more {
                let (found, truncated) = self.after(sizes.last().copied(), 1000).await?;
                more = truncated && !found.is_empty();
                sizes.extend(found);
            }
            Ok(sizes)
        })
    }

    fn newest_checkpoint(&self) -> Answering<'_, Option<u64>> {
        Box::pin(self.find_newest())
    }
}
