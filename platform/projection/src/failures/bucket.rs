//! Failed batches in S3, where an event source mapping's on-failure destination puts them.

use aws_sdk_s3::Client;

use super::{Answer, Failures};

/// What Lambda puts before the keys: then come the mapping, the shard, and the time.
const PREFIX: &str = "aws/lambda/";

/// A bucket of failed batches.
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The batches in the bucket of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }
}

impl Failures for Bucket {
    /// Cost: one ListObjectsV2. Keys sort by mapping and shard, and within those by time.
    fn list(&self, most: usize) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let most = i32::try_from(most).unwrap_or(1000).min(1000);
            let page = self.client.list_objects_v2().bucket(&self.name).prefix(PREFIX).max_keys(most).send().await?;
            Ok(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
        })
    }

    /// Cost: one GetObject.
    fn read<'a>(&'a self, key: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let object = self.client.get_object().bucket(&self.name).key(key).send().await?;
            Ok(object.body.collect().await?.to_vec())
        })
    }

    /// Deletes it: the bucket is versioned, so it can be looked at until its lifecycle ends.
    ///
    /// Cost: one DeleteObject, which is free.
    fn handled<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.client.delete_object().bucket(&self.name).key(key).send().await?;
            Ok(())
        })
    }
}
