//! Kills processes at random moments under load: environments of the webhook function and of the relay, and the process
//! with the table. Each acknowledged event must be stored and relayed once.
//!
//! The functions run in processes of this test binary. With `KILL_BINARIES`, an absolute path, they are the deployed
//! binaries of that directory.

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use intake::accept::AcceptedTypes;
use intake::aws::CallLimits;
use intake::emulator::emulator_config;
use local::lambda_emulator::LambdaEmulator;
use local::trigger::StreamTrigger;
use local::{Stack, StackOptions};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::event_files::proxy_event;
use crate::test_stack::{Item, TestStack, aws_variables, body, options, text};

const SEED: u64 = 20_261_122;
const SALES: usize = 200;
/// Number of concurrent webhooks. Each has an environment of its own.
const ENVIRONMENTS: u64 = 4;
/// The table's process is killed after these numbers of acknowledged webhooks.
const TABLE_KILLS: [usize; 3] = [60, 150, 230];

/// The main function of the processes that [`own_process`] starts. `KILLS_ROLE` says what they run.
#[test]
#[ignore = "started by other tests as a process"]
fn process() {
    let Ok(role) = env::var("KILLS_ROLE") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match role.as_str() {
        "webhook" => runtime.block_on(intake::lambda::webhook::run(AcceptedTypes::All)).unwrap(),
        "relay" => runtime.block_on(intake::lambda::relay::run()).unwrap(),
        "table" => runtime.block_on(async {
            let data = Some(env::var("KILLS_DATA").unwrap().into());
            let dynamodb_port = env::var("KILLS_PORT").unwrap().parse().unwrap();
            let _stack = Stack::start(StackOptions { data, dynamodb_port, ..options() }).await.unwrap();
            println!("\n{READY}");
            // Ends with its input, which the test closes.
            spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
        }),
        other => panic!("{other}"),
    }
}

const READY: &str = "the table is ready";

/// This test binary as a process with a role.
pub fn own_process(role: &str) -> Command {
    let mut command = isolated(env::current_exe().unwrap());
    command.args(["process_kills::process", "--exact", "--ignored", "--nocapture"]).env("KILLS_ROLE", role);
    command
}

/// A command without the variables and streams of this process. Its process is killed on drop.
fn isolated(binary: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// The time until a kill: once in `one_in` calls, at most 1.5 times the last duration.
fn kill_after(random: &mut Rng, one_in: u64, last: Duration) -> Option<Duration> {
    (random.u64(..one_in) == 0).then(|| last.mul_f64(1.5 * random.f64()))
}

/// A function with at most one environment.
struct Function {
    name: &'static str,
    variables: Vec<(&'static str, String)>,
    environment: Option<LambdaEmulator>,
    random: Rng,
    /// One in this many invocations is killed.
    one_in: u64,
    start_duration: Duration,
    invoke_duration: Duration,
    /// Number of killed environments.
    kills: usize,
}

impl Function {
    fn new(name: &'static str, variables: &[(&'static str, String)], number: u64) -> Self {
        let (start_duration, invoke_duration) = (Duration::from_millis(50), Duration::from_millis(10));
        let (variables, random) = (variables.to_owned(), Rng::with_seed(SEED + number));
        let one_in = if name == "relay" { 3 } else { 8 };
        Self { name, variables, environment: None, random, one_in, start_duration, invoke_duration, kills: 0 }
    }

    /// Returns the answer. `None` if the environment was killed.
    async fn invoke(&mut self, event: Vec<u8>) -> Option<Vec<u8>> {
        let mut environment = match self.environment.take() {
            Some(environment) => environment,
            None => self.start().await?,
        };
        let kill_after = kill_after(&mut self.random, self.one_in, self.invoke_duration);
        let started = Instant::now();
        if let Some(answer) = unless_killed(kill_after, environment.invoke(event)).await {
            self.invoke_duration = started.elapsed();
            self.environment = Some(environment);
            return Some(answer.unwrap().to_vec());
        }
        environment.kill().await.unwrap();
        self.kills += 1;
        None
    }

    async fn start(&mut self) -> Option<LambdaEmulator> {
        let mut command = env::var_os("KILL_BINARIES")
            .map_or_else(|| own_process(self.name), |binaries| isolated(Path::new(&binaries).join(self.name)));
        command.envs(self.variables.iter().cloned());
        let kill_after = kill_after(&mut self.random, 4, self.start_duration);
        let started = Instant::now();
        let Some(environment) = unless_killed(kill_after, LambdaEmulator::start(command)).await else {
            self.kills += 1;
            return None;
        };
        self.start_duration = started.elapsed();
        Some(environment.unwrap())
    }
}

/// The result of the work. `None` if the time until the kill is over first.
async fn unless_killed<T>(kill_after: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match kill_after {
        Some(delay) => tokio::select! {
            done = work => Some(done),
            // Tokio's timer has a resolution of a millisecond, and a release binary needs less.
            _ = spawn_blocking(move || std::thread::sleep(delay)) => None,
        },
        None => Some(work.await),
    }
}

/// The process with the table on disk.
struct Table {
    data: PathBuf,
    port: u16,
    process: Child,
}

impl Table {
    async fn start(data: &Path, port: u16) -> Self {
        let mut command = own_process("table");
        command.env("KILLS_DATA", data).env("KILLS_PORT", port.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while lines.next_line().await.unwrap().unwrap() != READY {}
        Self { data: data.to_owned(), port, process }
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn kill_and_restart(mut self) -> Self {
        self.process.kill().await.unwrap();
        Self::start(&self.data, self.port).await
    }
}

/// A port outside of the ephemeral range, so that no connection uses it while the table's process restarts.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Xsolla: the webhooks to send, and the number of acknowledged ones.
struct Xsolla {
    to_send: Mutex<VecDeque<String>>,
    acknowledged: watch::Sender<usize>,
}

/// The ids start at 1, because 0 is no transaction.
fn payment(sale: usize) -> String {
    format!(r#"{{"notification_type":"payment","transaction":{{"id":"{}"}}}}"#, sale + 1)
}

fn refund(sale: usize) -> String {
    format!(r#"{{"notification_type":"refund","transaction":{{"id":"{}"}}}}"#, sale + 1)
}

impl Xsolla {
    /// Sends until all webhooks are acknowledged. Refunds follow their payments. Some acknowledgements are lost.
    async fn send(&self, mut function: Function) -> Function {
        loop {
            let Some(webhook) = self.to_send.lock().unwrap().pop_front() else { return function };
            let event = proxy_event("/webhooks", &webhook).to_string().into_bytes();
            let status = function.invoke(event).await.map(|answer| {
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                answer["statusCode"].as_u64().unwrap()
            });
            let mut to_send = self.to_send.lock().unwrap();
            match status {
                Some(200..300) if function.random.u64(..8) == 0 => to_send.push_back(webhook),
                Some(200..300) => {
                    self.acknowledged.send_modify(|count| *count += 1);
                    for sale in (0..SALES).step_by(3).filter(|sale| webhook == payment(*sale)) {
                        to_send.push_back(refund(sale));
                    }
                }
                None | Some(500) => to_send.push_back(webhook),
                Some(status) => panic!("{status}: Xsolla would not retry"),
            }
        }
    }
}

/// The variables of all functions, with the queues of a stack and these endpoints.
pub fn variables(stack: &TestStack, dynamodb: &str, sqs: &str) -> Vec<(&'static str, String)> {
    let own = [
        ("RETENTION_DAYS", "180"),
        ("USER_DIRECTORY", "accept-all"),
        ("QUEUE_URL", &stack.emulator.queues.events),
        ("PARKED_QUEUE_URL", &stack.emulator.queues.parked),
        ("PAYMENT_WITHOUT_ORDER", "grant"),
    ];
    let all = aws_variables(dynamodb, sqs).into_iter().chain(own);
    all.map(|(name, value)| (name, value.to_owned())).collect()
}

/// Lambda's trigger on the stream of the table at this endpoint.
pub async fn trigger<F, Answer>(dynamodb: &str, invoke: F) -> JoinHandle<()>
where
    F: Fn(Vec<u8>) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Vec<u8>, String>> + Send + 'static,
{
    let config = emulator_config(CallLimits::RELAY).endpoint_url(dynamodb).build();
    let table = aws_sdk_dynamodb::Client::new(&config).describe_table().table_name("events").send().await.unwrap();
    let stream = table.table.unwrap().latest_stream_arn.unwrap();
    tokio::spawn(StreamTrigger::new(aws_sdk_dynamodbstreams::Client::new(&config), stream, invoke).run())
}

/// Receives messages until this notification has arrived and the queue is empty.
async fn receive_until(stack: &TestStack, last: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let last_received = messages.iter().any(|notification| notification == last);
        let received = stack.receive(i32::from(!last_received)).await;
        if received.is_empty() && (last_received || Instant::now() > deadline) {
            return messages;
        }
        messages.extend(received.into_iter().map(|message| message.notification.get().to_owned()));
    }
}

/// Asserts that each acknowledged notification is there once, and nothing else.
fn assert_each_once(place: &str, notifications: &[String]) {
    let mut surplus = notifications.to_owned();
    let mut missing: Vec<String> = (0..=SALES).map(payment).chain((0..SALES).step_by(3).map(refund)).collect();
    missing.retain(|expected| match surplus.iter().position(|notification| notification == expected) {
        Some(found) => {
            surplus.swap_remove(found);
            false
        }
        None => true,
    });
    assert!(missing.is_empty() && surplus.is_empty(), "{place}: missing {missing:?}, too many {surplus:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_survive_kills_and_are_relayed_once() {
    timeout(Duration::from_mins(2), Box::pin(kill_processes())).await.expect("the test hangs");
}

async fn kill_processes() {
    // Only its queues are used. Its own table remains empty.
    let stack = TestStack::start().await;
    let data = env::temp_dir().join(format!("xsolla-webhooks-kills-{}", std::process::id()));
    let mut table = Table::start(&data, free_port()).await;
    let variables = variables(&stack, &table.endpoint(), &stack.emulator.sqs_endpoint);

    let relay = Arc::new(tokio::sync::Mutex::new(Function::new("relay", &variables, ENVIRONMENTS)));
    let triggered = Arc::clone(&relay);
    let invoke = move |event: Vec<u8>| {
        let relay = Arc::clone(&triggered);
        async move { relay.lock().await.invoke(event).await.ok_or_else(|| "killed".to_owned()) }
    };
    let trigger = trigger(&table.endpoint(), invoke).await;

    let to_send = Mutex::new((0..SALES).map(payment).collect());
    let xsolla = Arc::new(Xsolla { to_send, acknowledged: watch::Sender::new(0) });
    let mut acknowledged = xsolla.acknowledged.subscribe();
    let mut senders = JoinSet::new();
    for number in 0..ENVIRONMENTS {
        let (xsolla, function) = (Arc::clone(&xsolla), Function::new("webhook", &variables, number));
        senders.spawn(async move { xsolla.send(function).await });
    }
    for kill_at in TABLE_KILLS {
        acknowledged.wait_for(|count| *count >= kill_at).await.unwrap();
        table = table.kill_and_restart().await;
    }
    let mut functions = senders.join_all().await;
    // The relay preserves the order of the stream: after this event, all others have arrived.
    let last = payment(SALES);
    xsolla.to_send.lock().unwrap().push_back(last.clone());
    let any = functions.pop().unwrap();
    functions.push(xsolla.send(any).await);

    let in_order = receive_until(&stack, &last).await;
    trigger.abort();
    assert_each_once("in the queue", &in_order);
    let place: BTreeMap<&str, usize> =
        in_order.iter().enumerate().map(|(place, body)| (body.as_str(), place)).collect();
    for sale in (0..SALES).step_by(3) {
        assert!(place[payment(sale).as_str()] < place[refund(sale).as_str()], "order of sale {sale}");
    }

    let config = emulator_config(CallLimits::RELAY).endpoint_url(table.endpoint()).build();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let stored = dynamodb.scan().table_name("events").consistent_read(true).into_paginator().items().send();
    let stored: Vec<Item> = stored.try_collect().await.unwrap();
    for item in &stored {
        let received_at: jiff::Timestamp = text(item, "received_at").parse().unwrap();
        let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
        assert_eq!(expires_at - received_at.as_second(), 180 * 24 * 60 * 60, "RETENTION_DAYS");
    }
    let stored: Vec<String> = stored.iter().map(|item| String::from_utf8(body(item).to_vec()).unwrap()).collect();
    assert_each_once("in the table", &stored);

    let kills: usize = functions.iter().map(|function| function.kills).sum();
    let relay_kills = relay.lock().await.kills;
    println!("killed: {kills} of the webhook function, {relay_kills} of the relay, {} of the table", TABLE_KILLS.len());
    assert!(kills >= 10 && relay_kills >= 1, "killed: {kills} of the webhook function, {relay_kills} of the relay");
    drop(table);
    std::fs::remove_dir_all(data).unwrap();
}
