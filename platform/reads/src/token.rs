//! Page tokens: where each query of a list goes on, bound to pattern, parameters and tenant.
//!
//! A token is no secret and not signed. One that was made up still starts inside the partition that the parameters name, and every row
//! passes the tenant check: nothing can be read with it that could not be read without.

use access_patterns::{Pattern, Plan, Scalar};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::ReadError;
use crate::reads::{Item, Key};

const SUM: usize = 16;
/// No list of ours has longer keys; anything longer was not made here.
const LONGEST: usize = 64 * 1024;

/// Where one query of a list goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cursor {
    Start,
    After(Key),
    Done,
}

/// What a token is bound to.
pub(crate) struct Binding<'a> {
    pub(crate) service: &'a str,
    pub(crate) pattern: &'a Pattern,
    pub(crate) tenant: &'a str,
    pub(crate) plans: &'a [Plan],
}

impl Binding<'_> {
    pub(crate) fn seal(&self, cursors: &[Cursor]) -> Result<String, ReadError> {
        let spelt: Vec<Option<Vec<String>>> = cursors
            .iter()
            .map(|cursor| match cursor {
                Cursor::Start => None,
                Cursor::Done => Some(Vec::new()),
                Cursor::After(key) => Some(self.pattern.key_attributes().iter().filter_map(|name| spell(key.get(name)?)).collect()),
            })
            .collect();
        let body = serde_json::to_vec(&spelt).map_err(ReadError::failed)?;
        let mut token = self.sum(&body).to_vec();
        token.extend(body);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    pub(crate) fn open(&self, token: &str) -> Result<Vec<Cursor>, ReadError> {
        let bytes = if token.len() <= LONGEST { URL_SAFE_NO_PAD.decode(token).ok() } else { None }.ok_or(ReadError::BadToken)?;
        let (sum, body) = bytes.split_at_checked(SUM).ok_or(ReadError::BadToken)?;
        if sum != self.sum(body) {
            return Err(ReadError::BadToken);
        }
        let spelt: Vec<Option<Vec<String>>> = serde_json::from_slice(body).map_err(|_| ReadError::BadToken)?;
        if spelt.len() != self.plans.len() {
            return Err(ReadError::BadToken);
        }
        spelt.into_iter().zip(self.plans).map(|(cursor, plan)| self.cursor(cursor, plan)).collect()
    }

    fn cursor(&self, spelt: Option<Vec<String>>, plan: &Plan) -> Result<Cursor, ReadError> {
        let names = self.pattern.key_attributes();
        match spelt {
            None => Ok(Cursor::Start),
            Some(values) if values.is_empty() => Ok(Cursor::Done),
            Some(values) if values.len() == names.len() => {
                let key: Option<Key> = names.iter().zip(values).map(|(name, value)| Some((name.clone(), read(&value)?))).collect();
                let key = key.ok_or(ReadError::BadToken)?;
                let inside = key.iter().all(|(name, value)| plan.fixed(name).is_none_or(|fixed| same(fixed, value)));
                if inside { Ok(Cursor::After(key)) } else { Err(ReadError::BadToken) }
            }
            Some(_) => Err(ReadError::BadToken),
        }
    }

    fn sum(&self, body: &[u8]) -> [u8; SUM] {
        let mut hash = Sha256::new();
        // The plans are the pattern's name, parameters and matrix as they meet the database: a changed matrix ends its tokens.
        for part in [self.service, self.pattern.name(), self.tenant, &format!("{:?}", self.plans)] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.update(body);
        let digest = hash.finalize();
        std::array::from_fn(|at| digest[at])
    }
}

/// The key of an item of a list.
pub(crate) fn key_of(pattern: &Pattern, item: &Item) -> Option<Key> {
    pattern.key_attributes().iter().map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
}

fn spell(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) => Some(format!("S{text}")),
        AttributeValue::N(digits) => Some(format!("N{digits}")),
        _ => None,
    }
}

fn read(spelt: &str) -> Option<AttributeValue> {
    let (kind, value) = spelt.split_at_checked(1)?;
    match kind {
        "S" => Some(AttributeValue::S(value.to_owned())),
        "N" => Some(AttributeValue::N(value.to_owned())),
        _ => None,
    }
}

fn same(fixed: &Scalar, value: &AttributeValue) -> bool {
    match (fixed, value) {
        (Scalar::S(a), AttributeValue::S(b)) | (Scalar::N(a), AttributeValue::N(b)) => a == b,
        _ => false,
    }
}
