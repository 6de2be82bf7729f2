//! A function that does what its events tell it, also what functions should not do: for the tests of the runtime.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annals_lambda::{Host, Metric, Metrics, function, variable};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("MISBEHAVE").as_deref() {
        Ok("exit") => std::process::exit(3),
        Ok("hang") => std::future::pending().await,
        _ => {}
    }
    let deps = |host: &Host| {
        variable("NEEDED")?;
        Ok(host.metrics.clone())
    };
    function::run(deps, handle).await
}

async fn handle(event: LambdaEvent<Value>, metrics: &Arc<dyn Metrics>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    metrics.count("misbehaving", Metric::CommandCommitted, 1, "misbehaving");
    match event["do"].as_str().unwrap_or_default() {
        "hang" => std::future::pending().await,
        "exit" => std::process::exit(7),
        "exit well" => std::process::exit(0),
        "panic" => panic!("as told"),
        "fail" => return Err("as told".into()),
        "answer much" => return Ok("x".repeat(7_000_000).into()),
        "print" => {
            println!("{{\"_aws\":{{\"CloudWatchMetrics\":[{{}}]}},\"EffectDone\":2}}");
            println!("a plain line");
            eprintln!("{{\"level\":\"WARN\",\"fields\":{{}}}}");
            eprint!("a line without an end");
        }
        "wait" => {
            // Until the test lets go: `entered` says that it is here.
            let path = |name: &str| event[name].as_str().map(Path::new).expect("the test says where").to_owned();
            std::fs::write(path("entered").join(context.request_id.clone()), "")?;
            while !path("release").exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        _ => {}
    }
    Ok(json!({
        "pid": std::process::id(),
        "request_id": context.request_id,
        "deadline": context.deadline,
        "arn": context.invoked_function_arn,
        "traced": context.xray_trace_id,
        "event": event,
        "variables": std::env::vars().map(|(name, _)| name).collect::<Vec<_>>(),
        "memory": context.env_config.memory,
    }))
}
