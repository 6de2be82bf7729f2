//! JSON Schemas of types that are written as text: contracts say what other services may find in an event.

/// Says in JSON Schema how a type is written: as text of this pattern.
#[macro_export]
macro_rules! text {
    ($name:ident, $pattern:expr) => {
        impl ::schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

pub use crate::text;
