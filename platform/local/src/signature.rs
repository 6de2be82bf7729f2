//! Checks the signature (SigV4) of a request by signing it again.

use annals_kit::Timestamp;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign};
use aws_sigv4::sign::v4;
use chrono::{NaiveDateTime, TimeDelta};
use subtle::ConstantTimeEq;

use crate::iam::{Iam, Principal};
use crate::transport::unknown_caller;
use crate::wire::{Answer, Request};

/// How far a caller's clock may be off, as on AWS.
const SKEW: TimeDelta = TimeDelta::minutes(15);

/// What the Authorization header says.
struct Claim<'a> {
    access_key_id: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// The caller, if the request is signed with its key and not long ago.
pub(crate) fn caller<'a>(iam: &'a Iam, request: &Request, now: Timestamp) -> Result<&'a Principal, Answer> {
    let authorization = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let missing = || Answer::refused("MissingAuthenticationTokenException", "Request is missing Authentication Token");
    let claim = read(authorization.ok_or_else(missing)?)?;
    let principal = iam.principal(claim.access_key_id).ok_or_else(unknown_caller)?;
    let signed_at = signed_at(request)?;
    let at = Timestamp::new(signed_at.and_utc());
    if now.since(at).abs() > SKEW {
        let message = format!("Signature expired: {signed_at} is more than 15 minutes from {now}");
        return Err(Answer::refused("InvalidSignatureException", &message));
    }
    let signature = signature(request, &claim, principal, signed_at).ok_or_else(incomplete)?;
    if bool::from(signature.as_bytes().ct_eq(claim.signature.as_bytes())) {
        return Ok(principal);
    }
    let message = "The request signature we calculated does not match the signature you provided. \
                   Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    Err(Answer::refused("InvalidSignatureException", message))
}

fn read(authorization: &str) -> Result<Claim<'_>, Answer> {
    let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(incomplete)?;
    let part = |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name)).ok_or_else(incomplete);
    let scope: Vec<_> = part("Credential=")?.split('/').collect();
    let [access_key_id, _date, region, service, "aws4_request"] = scope[..] else { return Err(incomplete()) };
    let signed_headers = part("SignedHeaders=")?.split(';').collect();
    Ok(Claim { access_key_id, region, service, signed_headers, signature: part("Signature=")? })
}

fn incomplete() -> Answer {
    Answer::refused(
        "IncompleteSignatureException",
        "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and 'X-Amz-Date'.",
    )
}

fn signed_at(request: &Request) -> Result<NaiveDateTime, Answer> {
    let date = request.headers().get("x-amz-date").and_then(|value| value.to_str().ok()).ok_or_else(incomplete)?;
    NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").map_err(|_| incomplete())
}

/// The signature the request should have.
fn signature(request: &Request, claim: &Claim<'_>, principal: &Principal, signed_at: NaiveDateTime) -> Option<String> {
    let host = request.headers().get(http::header::HOST)?.to_str().ok()?;
    let uri = format!("http://{host}{}", request.uri().path_and_query()?);
    // The date is put in by the signer.
    let names = claim.signed_headers.iter().filter(|name| **name != "x-amz-date");
    let headers = names.map(|name| Some((*name, request.headers().get(*name)?.to_str().ok()?))).collect::<Option<Vec<_>>>()?;
    let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), SignableBody::Bytes(request.body())).ok()?;
    let identity = Credentials::new(&principal.access_key_id, &principal.secret_access_key, None, None, "annals-local").into();
    let mut settings = SigningSettings::default();
    // Exactly the headers the caller signed.
    settings.excluded_headers = None;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(claim.region)
        .name(claim.service)
        .time(signed_at.and_utc().into())
        .settings(settings)
        .build()
        .ok()?;
    let (_, signature) = sign(signable, &SigningParams::from(params)).ok()?.into_parts();
    Some(signature)
}
