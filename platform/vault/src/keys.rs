//! One key per person, in a table whose items can be deleted, wrapped by KMS.
//!
//! Created by insert-if-absent. Erasure deletes the key and leaves a tombstone, which forbids making it again; key caches live 60
//! seconds, so that is how long an erased key may still open something.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use annals_aws::{DynamoDb, Kms};
use annals_kit::{Clock, Ids, Timestamp};
use annals_planted::{Bug, planted};
use annals_reads::{Item, Params, ReadError, Reads};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use aws_sdk_kms::operation::decrypt::DecryptInput;
use aws_sdk_kms::operation::generate_data_key::GenerateDataKeyInput;
use aws_sdk_kms::types::DataKeySpec;
use chrono::TimeDelta;
use lru::LruCache;
use uuid::Uuid;

use crate::seal::PersonKey;

/// How long an opened key is kept in memory.
pub const CACHE_TIME: TimeDelta = TimeDelta::seconds(60);
const CACHE_KEYS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Why a person's key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The person is erased: what is sealed stays sealed, and nothing more can be sealed.
    #[error("the person is erased")]
    Erased,
    /// The vault is busy; nothing was written. Try again.
    #[error("the vault is busy")]
    Busy {
        /// The reason.
        source: ReadError,
    },
    /// Anything else.
    #[error("the vault failed: {reason}")]
    Failed {
        /// The reason.
        reason: String,
    },
}

/// The person keys of one service.
pub struct Vault {
    dynamodb: DynamoDb,
    kms: Kms,
    reads: Reads,
    table: String,
    kms_key: String,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    cache: Mutex<LruCache<Uuid, (Timestamp, PersonKey)>>,
}

impl Vault {
    /// The keys in `table`, wrapped by the KMS key of this id or alias.
    pub fn new(
        dynamodb: DynamoDb,
        kms: Kms,
        reads: Reads,
        (table, kms_key): (&str, &str),
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let cache = Mutex::new(LruCache::new(CACHE_KEYS));
        Self { dynamodb, kms, reads, table: table.to_owned(), kms_key: kms_key.to_owned(), clock, ids, cache }
    }

    /// The key of `person` (an id made of tenant and person), made if it has none.
    ///
    /// Cost: nothing while cached; otherwise one strong GetItem (1 RCU) and one KMS call; a new key one conditional PutItem (1 WCU) more.
    pub async fn key(&self, person: &Uuid) -> Result<PersonKey, KeyError> {
        let now = self.clock.now();
        if let Some((until, key)) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(person)
            && *until > now
        {
            return Ok(key.clone());
        }
        let key = match self.stored(person).await? {
            Some(item) if planted(Bug::KeyAfterErasure) && item.contains_key("erased_at") => self.create(person, now).await?,
            Some(item) => self.open(person, &item).await?,
            None => self.create(person, now).await?,
        };
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(*person, (now.plus(CACHE_TIME), key.clone()));
        Ok(key)
    }

    /// Destroys the key of `person`, whether or not there was one, and forbids making another; when that was done first. Other processes may
    /// open something with it for as long as their caches last.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn erase(&self, person: &Uuid) -> Result<Timestamp, KeyError> {
        let now = self.clock.now();
        let update = UpdateItemInput::builder()
            .table_name(&self.table)
            .key("PK", AttributeValue::S(format!("KEY#{person}")))
            .key("SK", AttributeValue::S("KEY".into()))
            .update_expression(
                "SET erased_at = if_not_exists(erased_at, :now), created_at = if_not_exists(created_at, :now) REMOVE #wrapped",
            )
            .expression_attribute_names("#wrapped", "wrapped")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .return_values(ReturnValue::AllNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let erased = self.dynamodb.send(update).await.map_err(|error| failed(&DisplayErrorContext(&error)))?;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(person);
        let at = erased.attributes().and_then(|item| item.get("erased_at")?.as_s().ok()?.parse().ok());
        at.ok_or_else(|| failed(&"an erased key does not say when it was erased"))
    }

    async fn stored(&self, person: &Uuid) -> Result<Option<Item>, KeyError> {
        let params = Params::new().text("subject", person.to_string());
        self.reads.get_item("get_person_key", &params).await.map_err(|error| match error {
            ReadError::Busy { .. } => KeyError::Busy { source: error },
            other => failed(&other),
        })
    }

    async fn open(&self, person: &Uuid, item: &Item) -> Result<PersonKey, KeyError> {
        if item.contains_key("erased_at") {
            return Err(KeyError::Erased);
        }
        let wrapped = item.get("wrapped").and_then(|value| value.as_b().ok()).ok_or_else(|| failed(&"the key's item has no `wrapped`"))?;
        let call = DecryptInput::builder()
            .key_id(&self.kms_key)
            .ciphertext_blob(wrapped.clone())
            .encryption_context("subject", person.to_string());
        let answer = self.kms.send(call).await.map_err(|error| failed(&DisplayErrorContext(&error)))?;
        self.person_key(answer.plaintext())
    }

    async fn create(&self, person: &Uuid, now: Timestamp) -> Result<PersonKey, KeyError> {
        let call = GenerateDataKeyInput::builder()
            .key_id(&self.kms_key)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context("subject", person.to_string());
        let made = self.kms.send(call).await.map_err(|error| failed(&DisplayErrorContext(&error)))?;
        let wrapped = made.ciphertext_blob().ok_or_else(|| failed(&"KMS returned no wrapped key"))?;
        let put = PutItemInput::builder()
            .table_name(&self.table)
            .item("PK", AttributeValue::S(format!("KEY#{person}")))
            .item("SK", AttributeValue::S("KEY".into()))
            .item("wrapped", AttributeValue::B(Blob::new(wrapped.as_ref())))
            .item("created_at", AttributeValue::S(now.to_string()))
            .condition_expression(if planted(Bug::KeyAfterErasure) {
                "attribute_not_exists(PK) OR attribute_exists(erased_at)"
            } else {
                "attribute_not_exists(PK)"
            })
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.dynamodb.send(put).await {
            Ok(_) => self.person_key(made.plaintext()),
            // Someone else made it, or this call's answer was lost on an earlier try: theirs counts.
            Err(error) if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) => {
                let item = self.stored(person).await?.ok_or_else(|| failed(&"a key that exists cannot be read"))?;
                self.open(person, &item).await
            }
            Err(error) => Err(failed(&DisplayErrorContext(&error))),
        }
    }

    fn person_key(&self, plaintext: Option<&Blob>) -> Result<PersonKey, KeyError> {
        let bytes = plaintext.and_then(|blob| blob.as_ref().try_into().ok()).ok_or_else(|| failed(&"KMS returned no key of 32 bytes"))?;
        Ok(PersonKey::new(bytes, self.ids.clone()))
    }
}

fn failed(reason: &impl std::fmt::Display) -> KeyError {
    KeyError::Failed { reason: reason.to_string() }
}
