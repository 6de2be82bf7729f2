//! Tiles and checkpoints in an S3 bucket with Object Lock: written once, kept for years, deleted by nobody, the account's owner included.
//!
//! S3's REST API, signed with `aws-sigv4`, over the same HTTP as everything else: the SDK for S3 would double a signer's binary for three
//! calls. The bucket needs versioning and Object Lock, and a policy that lets the signer's role `s3:PutObject`, `s3:PutObjectRetention`,
//! `s3:GetObject` and `s3:ListBucket`, and nobody more.

use std::sync::Arc;
use std::time::SystemTime;

use annals_kit::{Clock, Timestamp};
use annals_lambda::{Account, Web};
use annals_log::BoxError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::TimeDelta;
use http::{Method, Request, Response};
use sha2::{Digest, Sha256};

use crate::objects::{Answering, CHECKPOINTS, Kept, Objects, checkpoint_path, size_of};

/// A bucket, or what lies below a prefix of it.
pub struct Bucket {
    web: Arc<dyn Web>,
    account: Account,
    clock: Arc<dyn Clock>,
    /// `https://<bucket>.s3.<region>.amazonaws.com`, or another endpoint and the bucket.
    url: String,
    /// Before every path, with a slash at its end; empty for none.
    prefix: String,
    /// How long objects are kept from when they are written.
    keep: TimeDelta,
}

impl Bucket {
    /// The objects below `prefix` in `bucket`, each kept for `keep`.
    pub fn new(web: Arc<dyn Web>, account: Account, clock: Arc<dyn Clock>, bucket: &str, prefix: &str, keep: TimeDelta) -> Self {
        let url = match &account.endpoint {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{}.amazonaws.com", account.region),
        };
        let prefix = if prefix.is_empty() { String::new() } else { format!("{}/", prefix.trim_matches('/')) };
        Self { web, account, clock, url, prefix, keep }
    }

    async fn call(&self, method: Method, target: &str, headers: &[(&str, String)], body: &[u8]) -> Result<Response<Bytes>, BoxError> {
        let url = format!("{}{target}", self.url);
        let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut request = Request::builder().method(method).uri(&url).header("x-amz-content-sha256", digest);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(Bytes::copy_from_slice(body))?;
        self.sign(&mut request)?;
        self.web.call(request).await
    }

    fn sign(&self, request: &mut Request<Bytes>) -> Result<(), BoxError> {
        let identity = self.account.credentials.clone().into();
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(self.clock.now().micros().unsigned_abs());
        let mut settings = SigningSettings::default();
        // S3 takes paths as they are.
        settings.percent_encoding_mode = aws_sigv4::http_request::PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = aws_sigv4::http_request::UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder().identity(&identity).region(&self.account.region).name("s3").time(time).settings(settings);
        let params = params.build()?.into();
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let uri = request.uri().to_string();
        let signable = SignableRequest::new(request.method().as_str(), &uri, headers, SignableBody::Bytes(request.body()))?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, BoxError> {
        let answer = self.call(Method::GET, &format!("/{}{path}", self.prefix), &[], &[]).await?;
        match answer.status().as_u16() {
            200 => Ok(Some(answer.into_body().to_vec())),
            404 => Ok(None),
            _ => Err(refused("reading", path, &answer)),
        }
    }

    async fn put(&self, path: &str, bytes: &[u8]) -> Result<Kept, BoxError> {
        let until: Timestamp = self.clock.now().plus(self.keep);
        let headers = [
            // Written once: S3 decides between writers.
            ("if-none-match", "*".to_owned()),
            ("x-amz-object-lock-mode", "COMPLIANCE".to_owned()),
            ("x-amz-object-lock-retain-until-date", format!("{}Z", &until.to_string()[..19])),
            // S3 takes a lock only with a checksum of the body.
            ("x-amz-checksum-sha256", STANDARD.encode(Sha256::digest(bytes))),
        ];
        let answer = self.call(Method::PUT, &format!("/{}{path}", self.prefix), &headers, bytes).await?;
        match answer.status().as_u16() {
            200 => Ok(Kept::Same),
            // It is there, or somebody else is writing it just now: what is there in the end decides.
            409 | 412 => match self.get(path).await? {
                Some(kept) if kept == bytes => Ok(Kept::Same),
                Some(_) => Ok(Kept::Other),
                None => Err(refused("writing", path, &answer)),
            },
            _ => Err(refused("writing", path, &answer)),
        }
    }

    /// The sizes of checkpoints after `after`, at most `limit`, as far as one answer goes, and whether there are more.
    async fn list(&self, after: Option<u64>, limit: u32) -> Result<(Vec<u64>, bool), BoxError> {
        let encoded = |text: &str| text.replace('/', "%2F");
        let folder = format!("{}{CHECKPOINTS}/", self.prefix);
        let start = after.map(|size| format!("&start-after={}", encoded(&format!("{}{}", self.prefix, checkpoint_path(size)))));
        let target = format!("?list-type=2&max-keys={limit}&prefix={}{}", encoded(&folder), start.unwrap_or_default());
        let answer = self.call(Method::GET, &format!("/{target}"), &[], &[]).await?;
        if answer.status() != 200 {
            return Err(refused("listing", &folder, &answer));
        }
        let text = std::str::from_utf8(answer.body())?;
        // Names of ours need no escaping, so they stand between these words as they are.
        let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()?.strip_prefix(&folder));
        Ok((keys.filter_map(size_of).collect(), text.contains("<IsTruncated>true</IsTruncated>")))
    }
}

fn refused(doing: &str, path: &str, answer: &Response<Bytes>) -> BoxError {
    let code = std::str::from_utf8(answer.body()).ok().and_then(|text| text.split("<Code>").nth(1)?.split("</Code>").next());
    format!("{doing} {path}: S3 answers {} {}", answer.status(), code.unwrap_or_default()).into()
}

impl Objects for Bucket {
    fn insert<'a>(&'a self, path: &'a str, bytes: &'a [u8]) -> Answering<'a, Kept> {
        Box::pin(self.put(path, bytes))
    }

    fn read<'a>(&'a self, path: &'a str) -> Answering<'a, Option<Vec<u8>>> {
        Box::pin(self.get(path))
    }

    fn checkpoints(&self) -> Answering<'_, Vec<u64>> {
        Box::pin(async move {
            let mut sizes: Vec<u64> = vec![];
            loop {
                let (more, truncated) = self.list(sizes.last().copied(), 1000).await?;
                sizes.extend(more);
                if !truncated {
                    return Ok(sizes);
                }
            }
        })
    }

    /// S3 lists from the first on only, and there is a checkpoint a minute: steps that double while there is a later one, then halve.
    fn newest_checkpoint(&self) -> Answering<'_, Option<u64>> {
        Box::pin(async move {
            let mut newest = self.list(None, 1).await?.0.first().copied();
            let mut step = 1u64 << 20;
            while let Some(size) = newest {
                match self.list(Some(size.saturating_add(step)), 1).await?.0.first() {
                    Some(later) => {
                        newest = Some(*later);
                        step = step.saturating_mul(2);
                    }
                    None if step == 0 => break,
                    None => step /= 2,
                }
            }
            Ok(newest)
        })
    }
}
