//! AWS's query protocol, which SNS still speaks: forms in, XML out. Inside, both are the JSON that every other service here speaks.
//!
//! Source: AWS query protocol, smithy.io/2.0/aws/protocols/aws-query-protocol.html.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::wire::{Answer, Request};

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The operation that a form names; `None` where the request is no form.
pub(crate) fn operation(request: &Request) -> Option<&str> {
    let media_type = request.headers().get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    if !media_type.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    std::str::from_utf8(request.body()).ok()?.split('&').find_map(|pair| pair.strip_prefix("Action="))
}

/// The form as flat JSON: `MessageAttributes.entry.1.Name` and so on stay as they are.
pub(crate) fn read(body: &[u8]) -> Value {
    form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect::<Map<_, _>>().into()
}

/// The JSON answer of an operation as XML; its members are texts.
pub(crate) fn write(operation: &str, answer: Answer) -> Answer {
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |member: &Value| escaped(member.as_str().unwrap_or_default());
    let mut xml = String::new();
    // Writing into a String does not fail.
    let _ = if answer.is_ok() {
        let members = told.as_object().into_iter().flatten();
        let members: String = members.map(|(name, value)| format!("<{name}>{}</{name}>", text(value))).collect();
        write!(xml, "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{members}</{operation}Result></{operation}Response>")
    } else {
        let whose = if answer.status < 500 { "Sender" } else { "Receiver" };
        let (code, message) = (text(&told["__type"]), text(&told["message"]));
        write!(
            xml,
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{whose}</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        )
    };
    Answer { body: xml.into(), error: None, ..answer }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_and_refusals_are_xml_whose_text_cannot_break_out() {
        let told = write("Publish", Answer::json(&json!({ "MessageId": "a<b&c" })));
        let text = String::from_utf8(told.body.to_vec()).unwrap();
        assert!(text.contains("<PublishResult><MessageId>a&lt;b&amp;c</MessageId></PublishResult>"), "{text}");
        let refused = write("Publish", Answer::error(404, "NotFound", "no <endpoint>"));
        let text = String::from_utf8(refused.body.to_vec()).unwrap();
        assert!(text.contains("<Type>Sender</Type><Code>NotFound</Code><Message>no &lt;endpoint&gt;</Message>"), "{text}");
    }
}
