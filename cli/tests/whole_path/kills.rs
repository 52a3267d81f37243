//! Processes are killed at random moments under load: several environments of the front door, the relay's, and the one
//! that has the table on disk. What was acknowledged is there at the end, and is relayed, once.
//!
//! Each process is this very binary, which does there what the functions' mains do. `KILL_BINARIES`, an absolute path,
//! leads to the binaries that are deployed instead.

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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

use crate::events::proxy_event;
use crate::world::{Item, SECRET, World, body, options, text};

const SEED: u64 = 20_261_122;
const SALES: usize = 200;
/// How many webhooks are taken at a time, each by an environment of its own.
const ENVIRONMENTS: u64 = 4;
/// After so many acknowledged webhooks, the table's process is killed.
const TABLE_KILLS: [usize; 3] = [60, 150, 230];

/// What the processes of the test below do.
#[test]
#[ignore = "what the test below starts as processes of their own"]
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
            // Which ends with the test, however that ends.
            spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
        }),
        other => panic!("{other}"),
    }
}

const READY: &str = "the table is ready";

/// This binary as one of its processes.
pub fn own_process(role: &str) -> Command {
    let mut command = alone(env::current_exe().unwrap());
    command.args(["kills::process", "--exact", "--ignored", "--nocapture"]).env("KILLS_ROLE", role);
    command
}

/// Without this process's variables and streams, and ended with whatever holds it.
fn alone(binary: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// Random enough, and the same in each run.
struct Dice(u64);

impl Dice {
    /// The next number, by `SplitMix64`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// When to kill: once in `of` throws, at a moment up to half as long again as it took last.
    fn moment(&mut self, of: u64, took: Duration) -> Option<Duration> {
        let micros = u64::try_from(took.as_micros()).unwrap() * 3 / 2;
        (self.below(of) == 0).then(|| Duration::from_micros(self.below(micros)))
    }
}

/// A function, and its environment as long as it lives.
struct Function {
    name: &'static str,
    variables: Vec<(&'static str, String)>,
    environment: Option<LambdaEmulator>,
    dice: Dice,
    /// It is killed at one event in so many.
    one_in: u64,
    start_took: Duration,
    event_took: Duration,
    /// How many of its environments were killed.
    kills: usize,
}

impl Function {
    fn new(name: &'static str, variables: &[(&'static str, String)], nth: u64) -> Self {
        let (start_took, event_took) = (Duration::from_millis(50), Duration::from_millis(10));
        let (variables, dice) = (variables.to_owned(), Dice(SEED + nth));
        let one_in = if name == "relay" { 3 } else { 8 };
        Self { name, variables, environment: None, dice, one_in, start_took, event_took, kills: 0 }
    }

    /// The answer; `None` if the environment was killed meanwhile, or before it was ready.
    async fn invoke(&mut self, event: Vec<u8>) -> Option<Vec<u8>> {
        let mut environment = match self.environment.take() {
            Some(environment) => environment,
            None => self.start().await?,
        };
        let moment = self.dice.moment(self.one_in, self.event_took);
        let started = Instant::now();
        if let Some(answer) = until(moment, environment.invoke(event)).await {
            self.event_took = started.elapsed();
            self.environment = Some(environment);
            return Some(answer.unwrap().to_vec());
        }
        environment.kill().await.unwrap();
        self.kills += 1;
        None
    }

    async fn start(&mut self) -> Option<LambdaEmulator> {
        let mut command = env::var_os("KILL_BINARIES")
            .map_or_else(|| own_process(self.name), |binaries| alone(Path::new(&binaries).join(self.name)));
        command.envs(self.variables.iter().cloned());
        let moment = self.dice.moment(4, self.start_took);
        let started = Instant::now();
        let Some(environment) = until(moment, LambdaEmulator::start(command)).await else {
            self.kills += 1;
            return None;
        };
        self.start_took = started.elapsed();
        Some(environment.unwrap())
    }
}

/// What comes of it, unless this moment is first.
async fn until<T>(moment: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match moment {
        Some(moment) => tokio::select! {
            done = work => Some(done),
            // Tokio's own timer knows milliseconds, and a release binary needs less than one.
            _ = spawn_blocking(move || std::thread::sleep(moment)) => None,
        },
        None => Some(work.await),
    }
}

/// The process that has the table on disk.
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

    async fn kill_and_start_again(mut self) -> Self {
        self.process.kill().await.unwrap();
        Self::start(&self.data, self.port).await
    }
}

/// A port that nobody else takes while the table's process is away: outside of the range of those for connections.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// What Xsolla still has to send, and what it has been answered.
struct Xsolla {
    to_send: Mutex<VecDeque<String>>,
    acknowledged: watch::Sender<usize>,
}

fn payment(sale: usize) -> String {
    format!(r#"{{"notification_type":"payment","transaction":{{"id":"{sale}"}}}}"#)
}

fn refund(sale: usize) -> String {
    format!(r#"{{"notification_type":"refund","transaction":{{"id":"{sale}"}}}}"#)
}

impl Xsolla {
    /// Sends until all has been acknowledged. A refund follows its payment; and some acknowledgements are lost.
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
                Some(200..300) if function.dice.below(8) == 0 => to_send.push_back(webhook),
                Some(200..300) => {
                    self.acknowledged.send_modify(|count| *count += 1);
                    for sale in (0..SALES).step_by(3).filter(|sale| webhook == payment(*sale)) {
                        to_send.push_back(refund(sale));
                    }
                }
                None | Some(500) => to_send.push_back(webhook),
                Some(status) => panic!("{status}: Xsolla would never send it again"),
            }
        }
    }
}

/// The variables of all functions, with the world's queues, and DynamoDB and SQS behind these endpoints.
pub fn variables(world: &World, dynamodb: &str, sqs: &str) -> Vec<(&'static str, String)> {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ENDPOINT_URL_SQS", sqs),
        ("TABLE_NAME", "events"),
        ("RETENTION_DAYS", "180"),
        ("XSOLLA_SECRETS", SECRET),
        ("USER_DIRECTORY", "accept-all"),
        ("QUEUE_URL", &world.stack.queues.events),
        ("PARKED_QUEUE_URL", &world.stack.queues.parked),
        ("PAYMENT_WITHOUT_ORDER", "grant"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Lambda's trigger on the stream of the table behind this endpoint.
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

/// Everything that comes to the queue, up to this notification and what stands behind it.
async fn queued(world: &World, last: &str) -> Vec<String> {
    let mut queued: Vec<String> = Vec::new();
    let given_up_at = Instant::now() + Duration::from_secs(20);
    loop {
        let last_has_come = queued.iter().any(|notification| notification == last);
        let taken = world.take(i32::from(!last_has_come)).await;
        if taken.is_empty() && (last_has_come || Instant::now() > given_up_at) {
            return queued;
        }
        queued.extend(taken.into_iter().map(|message| message.notification.get().to_owned()));
    }
}

/// All that was acknowledged is here, and nothing else.
fn each_once(place: &str, notifications: &[String]) {
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
async fn what_was_acknowledged_survives_and_is_relayed_once() {
    timeout(Duration::from_mins(2), Box::pin(kill_and_look())).await.expect("it comes to an end");
}

async fn kill_and_look() {
    // For its queue, which is AWS's to keep. Its own table stays empty.
    let world = World::start().await;
    let data = env::temp_dir().join(format!("xsolla-webhooks-kills-{}", std::process::id()));
    let mut table = Table::start(&data, free_port()).await;
    let variables = variables(&world, &table.endpoint(), &world.stack.sqs_endpoint);

    let relay = Arc::new(tokio::sync::Mutex::new(Function::new("relay", &variables, ENVIRONMENTS)));
    let of_trigger = Arc::clone(&relay);
    let invoke = move |event: Vec<u8>| {
        let relay = Arc::clone(&of_trigger);
        async move { relay.lock().await.invoke(event).await.ok_or_else(|| "killed".to_owned()) }
    };
    let trigger = trigger(&table.endpoint(), invoke).await;

    let to_send = Mutex::new((0..SALES).map(payment).collect());
    let xsolla = Arc::new(Xsolla { to_send, acknowledged: watch::Sender::new(0) });
    let mut acknowledged = xsolla.acknowledged.subscribe();
    let mut senders = JoinSet::new();
    for nth in 0..ENVIRONMENTS {
        let (xsolla, function) = (Arc::clone(&xsolla), Function::new("webhook", &variables, nth));
        senders.spawn(async move { xsolla.send(function).await });
    }
    for kill_at in TABLE_KILLS {
        acknowledged.wait_for(|count| *count >= kill_at).await.unwrap();
        table = table.kill_and_start_again().await;
    }
    let mut functions = senders.join_all().await;
    // The relay keeps the order of the stream: once this one has come, all before it have.
    let last = payment(SALES);
    xsolla.to_send.lock().unwrap().push_back(last.clone());
    let any = functions.pop().unwrap();
    functions.push(xsolla.send(any).await);

    let in_order = queued(&world, &last).await;
    trigger.abort();
    each_once("in the queue", &in_order);
    let place: BTreeMap<&str, usize> =
        in_order.iter().enumerate().map(|(place, body)| (body.as_str(), place)).collect();
    for sale in (0..SALES).step_by(3) {
        assert!(place[payment(sale).as_str()] < place[refund(sale).as_str()], "in order: {sale}");
    }

    let config = emulator_config(CallLimits::RELAY).endpoint_url(table.endpoint()).build();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let kept = dynamodb.scan().table_name("events").consistent_read(true).into_paginator().items().send();
    let kept: Vec<Item> = kept.try_collect().await.unwrap();
    for item in &kept {
        let received_at: jiff::Timestamp = text(item, "received_at").parse().unwrap();
        let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
        assert_eq!(expires_at - received_at.as_second(), 180 * 24 * 60 * 60, "what the environment says");
    }
    let kept: Vec<String> = kept.iter().map(|item| String::from_utf8(body(item).to_vec()).unwrap()).collect();
    each_once("in the table", &kept);

    let kills: usize = functions.iter().map(|function| function.kills).sum();
    let of_relay = relay.lock().await.kills;
    println!("killed: {kills} of the front door, {of_relay} of the relay, {} of the table", TABLE_KILLS.len());
    assert!(kills >= 10 && of_relay >= 1, "killed: {kills} of the front door, {of_relay} of the relay");
    drop(table);
    std::fs::remove_dir_all(data).unwrap();
}
