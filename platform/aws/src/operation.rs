//! The operations that the platform calls, each by the builder of its SDK's input.

use std::pin::Pin;

use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_types::error::operation::BuildError;

use crate::port::Failure;

/// What an operation is answered. Boxed, as outputs and errors are large.
pub type Answer<O> = Box<Result<<O as Operation>::Output, SdkError<<O as Operation>::Error>>>;
/// A call on its way. Boxed: the SDKs' own futures are large and deeply nested, and so would be all that hold one.
pub type Sending<'a, O> = Pin<Box<dyn Future<Output = Result<<O as Operation>::Output, SdkError<<O as Operation>::Error>>> + Send + 'a>>;

/// A call of an AWS API, as the builder of its input.
pub trait Operation: Send + Sized {
    /// The SDK's client of the API.
    type Client: Sync;
    /// What is answered.
    type Output;
    /// What is answered where it fails.
    type Error;

    /// Sends it with the SDK's client.
    fn send_with(self, client: &Self::Client) -> Sending<'_, Self>;

    /// The input, for a port.
    fn into_request(self) -> Result<Request, BuildError>;

    /// What a port has answered. Panics where that is the answer to another operation.
    fn answer(response: Response) -> Answer<Self>;
}

macro_rules! operations {
    ($($sdk:ident::$module:ident: $name:ident $builder:ident $input:ident $output:ident $error:ident;)*) => {
        /// The input of an operation.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "each is named after its operation")]
        pub enum Request {
            $($name(Box<$sdk::operation::$module::$input>),)*
        }

        /// What an operation answers.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each is named after its operation")]
        pub enum Response {
            $($name(Box<Result<$sdk::operation::$module::$output, SdkError<$sdk::operation::$module::$error>>>),)*
        }

        impl Request {
            /// The operation's name.
            pub fn operation(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            /// What makes the response to it of a failure.
            pub fn failing(&self) -> fn(Failure) -> Response {
                match self {
                    $(Self::$name(_) => |failure| {
                        Response::$name(Box::new(Err(failure.error($sdk::operation::$module::$error::generic))))
                    },)*
                }
            }
        }

        impl Response {
            /// Whether it says that the operation was done.
            pub fn is_ok(&self) -> bool {
                match self {
                    $(Self::$name(result) => result.is_ok(),)*
                }
            }
        }

        $(
            impl Operation for $sdk::operation::$module::builders::$builder {
                type Client = $sdk::Client;
                type Output = $sdk::operation::$module::$output;
                type Error = $sdk::operation::$module::$error;

                fn send_with(self, client: &Self::Client) -> Sending<'_, Self> {
                    Box::pin(self.send_with(client))
                }

                fn into_request(self) -> Result<Request, BuildError> {
                    Ok(Request::$name(Box::new(self.build()?)))
                }

                fn answer(response: Response) -> Answer<Self> {
                    match response {
                        Response::$name(answer) => answer,
                        other => panic!("a port has answered {} with {other:?}", stringify!($name)),
                    }
                }
            }
        )*
    };
}

operations! {
    aws_sdk_dynamodb::get_item: GetItem GetItemInputBuilder GetItemInput GetItemOutput GetItemError;
    aws_sdk_dynamodb::batch_get_item: BatchGetItem BatchGetItemInputBuilder BatchGetItemInput BatchGetItemOutput BatchGetItemError;
    aws_sdk_dynamodb::query: Query QueryInputBuilder QueryInput QueryOutput QueryError;
    aws_sdk_dynamodb::scan: Scan ScanInputBuilder ScanInput ScanOutput ScanError;
    aws_sdk_dynamodb::put_item: PutItem PutItemInputBuilder PutItemInput PutItemOutput PutItemError;
    aws_sdk_dynamodb::update_item: UpdateItem UpdateItemInputBuilder UpdateItemInput UpdateItemOutput UpdateItemError;
    aws_sdk_dynamodb::delete_item: DeleteItem DeleteItemInputBuilder DeleteItemInput DeleteItemOutput DeleteItemError;
    aws_sdk_dynamodb::transact_write_items: TransactWriteItems
        TransactWriteItemsInputBuilder TransactWriteItemsInput TransactWriteItemsOutput TransactWriteItemsError;
    aws_sdk_dynamodb::execute_statement: ExecuteStatement
        ExecuteStatementInputBuilder ExecuteStatementInput ExecuteStatementOutput ExecuteStatementError;
    aws_sdk_dynamodb::execute_transaction: ExecuteTransaction
        ExecuteTransactionInputBuilder ExecuteTransactionInput ExecuteTransactionOutput ExecuteTransactionError;
    aws_sdk_eventbridge::put_events: PutEvents PutEventsInputBuilder PutEventsInput PutEventsOutput PutEventsError;
    aws_sdk_kms::generate_data_key: GenerateDataKey
        GenerateDataKeyInputBuilder GenerateDataKeyInput GenerateDataKeyOutput GenerateDataKeyError;
    aws_sdk_kms::decrypt: Decrypt DecryptInputBuilder DecryptInput DecryptOutput DecryptError;
    aws_sdk_sesv2::send_email: SendEmail SendEmailInputBuilder SendEmailInput SendEmailOutput SendEmailError;
}
