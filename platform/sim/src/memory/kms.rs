//! Data keys: drawn from what they are for, and wrapped so that only the same context opens them.

use annals_aws::Response;
use annals_aws::port::refused;
use aws_sdk_kms::error::ErrorMetadata;
use aws_sdk_kms::operation::decrypt::{DecryptError, DecryptInput, DecryptOutput};
use aws_sdk_kms::operation::generate_data_key::{GenerateDataKeyInput, GenerateDataKeyOutput};
use aws_sdk_kms::primitives::Blob;

use crate::chance::Chance;

/// Bytes of a key.
const KEY: usize = 32;

/// A key for this context, and the same wrapped. A person who is given another key after an erasure has another: the vault asks once a key.
pub fn generate(input: &GenerateDataKeyInput) -> Response {
    let context = input.encryption_context().and_then(|context| context.get("subject")).map_or("", String::as_str);
    let plain = bytes("plain", context);
    let wrapped: Vec<u8> = plain.iter().zip(bytes("wrap", context)).map(|(plain, wrap)| plain ^ wrap).collect();
    let output = GenerateDataKeyOutput::builder().plaintext(Blob::new(plain)).ciphertext_blob(Blob::new(wrapped)).build();
    Response::GenerateDataKey(Box::new(Ok(output)))
}

/// The key that was wrapped in this context.
pub fn decrypt(input: &DecryptInput) -> Response {
    let context = input.encryption_context().and_then(|context| context.get("subject")).map_or("", String::as_str);
    let wrapped = input.ciphertext_blob().map(|blob| blob.as_ref()).filter(|wrapped| wrapped.len() == KEY);
    let Some(wrapped) = wrapped else {
        let meta = ErrorMetadata::builder().code("InvalidCiphertextException").build();
        return Response::Decrypt(Box::new(Err(refused(DecryptError::generic(meta), 400))));
    };
    let plain: Vec<u8> = wrapped.iter().zip(bytes("wrap", context)).map(|(wrapped, wrap)| wrapped ^ wrap).collect();
    Response::Decrypt(Box::new(Ok(DecryptOutput::builder().plaintext(Blob::new(plain)).build())))
}

fn bytes(purpose: &str, context: &str) -> Vec<u8> {
    (0..KEY as u64 / 8).flat_map(|part| Chance::new(0).number(&[purpose, context], part).to_be_bytes()).collect()
}
