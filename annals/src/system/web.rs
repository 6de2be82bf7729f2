//! The HTTP API without TCP, for functions and commands in this process.

use annals_lambda::Web;
use annals_lambda::web::Answering;
use annals_local::Local;
use bytes::Bytes;

/// Where they find it.
pub const API: &str = "http://api.annals.internal";

/// The API of this account.
pub(super) struct InProcessWeb(pub(super) Local);

impl Web for InProcessWeb {
    fn call(&self, request: http::Request<Bytes>) -> Answering<'_> {
        Box::pin(async move { Ok(self.0.http(request).await) })
    }
}
