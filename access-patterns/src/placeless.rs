//! Serialises what has a place in its file without the place, which is of the text and not of what it says.

pub(crate) mod map {
    //! Of a map's values.

    use indexmap::IndexMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::problem::At;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(map: &IndexMap<String, (T, At)>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(name, (value, _))| (name, value)))
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<IndexMap<String, (T, At)>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let map = IndexMap::<String, T>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(name, value)| (name, (value, At::default()))).collect())
    }
}

pub(crate) mod list {
    //! Of a list's.

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::problem::At;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(list: &[(T, At)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|(value, _)| value))
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(T, At)>, D::Error> {
        let list = Vec::<T>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|value| (value, At::default())).collect())
    }
}

pub(crate) mod some_list {
    //! Of a list's, where there is one.

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::problem::At;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(list: &Option<Vec<(T, At)>>, serializer: S) -> Result<S::Ok, S::Error> {
        match list {
            Some(list) => super::list::serialize(list, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<(T, At)>>, D::Error> {
        let list = Option::<Vec<T>>::deserialize(deserializer)?;
        Ok(list.map(|list| list.into_iter().map(|value| (value, At::default())).collect()))
    }
}
