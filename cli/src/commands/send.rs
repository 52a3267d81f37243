//! The command `send`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, ValueEnum};
use cli::connection::Clients;
use cli::explain::{Context, explain, profile};
use cli::format::{columns, counted, goods_and_reason, one_line};
use cli::http::{Http, is_loopback, origin, parse_url};
use cli::send::{Changes, Ids, SaleMode, SendError, Then, list, notification, story};
use cli::table::Table;
use http::Uri;
use intake::emulator::EVENTS_TABLE;
use intake::record::StoredDecision;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use xsolla::{Envelope, EventId, NotificationType, Role, Secrets};

use super::signing::{LOCAL_SECRET, SecretArgs, read_body};
use super::{CommandResult, InvalidArguments};
use crate::terminal::print;

/// Webhook URL of the command `local` on its default port.
const LOCAL_URL: &str = "http://127.0.0.1:7700/webhooks";
/// Name of a whole sale in place of a type.
const PURCHASE: &str = "purchase";
/// How long to wait for the relay's decision about the goods.
const DECISION_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two reads of the table.
const DECISION_INTERVAL: Duration = Duration::from_millis(50);

/// Send a signed notification of any type to `local` or to a URL
#[derive(Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["type_name", "file", "list"]),
    after_help = "\
The notification is a documented sample with new ids, so each is a new event.
The same ids twice are a retry: --times 2 --transaction 7, for an order also
--order 8.

Prints the answer, the event id, and the relay's decision about the goods. The
goods of one notification or sale are read from --table, with region and
credentials as for every AWS SDK. Without --to, the table is that of `local`. A
URL of another machine requires --secret, XSOLLA_SECRETS or XSOLLA_SECRET_ID.

`send purchase` sends a whole sale in the order in which Xsolla sends it, and
stops at the first answer that is not 2xx.

Exit codes: 0 all answers are 2xx, 1 another answer or none.

Examples:
  xsolla-webhooks send payment
  xsolla-webhooks send order_paid --user p-1 --set 'items[0].quantity=3'
  xsolla-webhooks send purchase --mode combined --then refund
  xsolla-webhooks send payment --times 1000 --parallel 20
  xsolla-webhooks send order_paid --times 2 --transaction 7 --order 8
  xsolla-webhooks send --file - --to https://game.example --secret \"$SECRET\"
  xsolla-webhooks send --list"
)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub(crate) struct SendArgs {
    /// Notification type, variant of one (`order_paid-free`), or `purchase`
    #[arg(value_name = "TYPE", value_parser = type_parser(), hide_possible_values = true)]
    pub(crate) type_name: Option<String>,
    /// List the types and variants
    #[arg(long)]
    pub(crate) list: bool,
    /// Send the bytes of this file unchanged; `-` is stdin
    #[arg(long, conflicts_with_all = ["set", "user", "order", "transaction", "sku", "sandbox", "mode", "then"])]
    pub(crate) file: Option<PathBuf>,
    /// Change or add a value: JSON, or else text; can be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
    /// User id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Order id
    #[arg(long, value_name = "ID")]
    pub(crate) order: Option<String>,
    /// Transaction id
    #[arg(long, value_name = "ID")]
    pub(crate) transaction: Option<String>,
    /// SKU of the first item
    #[arg(long)]
    pub(crate) sku: Option<String>,
    /// Mark the notification as a test without real money
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// For `purchase`: the payment is part of `order_paid`, or a webhook of its own [default: separate]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// For `purchase`: what happens after it
    #[arg(long, value_enum, value_name = "EVENT")]
    pub(crate) then: Option<After>,
    /// Number of notifications or sales
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) times: u32,
    /// Number of notifications or sales that are sent at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) parallel: u32,
    /// Sign with another secret, to see the rejection
    #[arg(long)]
    pub(crate) wrong_signature: bool,
    /// Print header and body without sending them
    #[arg(long)]
    pub(crate) print: bool,
    /// Webhook URL
    #[arg(long, value_name = "URL", value_parser = parse_url, default_value = LOCAL_URL)]
    pub(crate) to: Uri,
    /// Events table with the decision about the goods [default: that of `local` if --to is missing]
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

/// How Xsolla reports a sale.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Mode {
    /// One webhook has order and payment
    Combined,
    /// Order and payment are two webhooks
    Separate,
}

/// What happens after a purchase.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum After {
    /// All money is returned and the order is cancelled
    Refund,
    /// A part of the money is returned
    PartialRefund,
    /// The order is cancelled without a refund
    Cancel,
    /// The payer disputes the payment
    Dispute,
}

/// Notifications that are sent one after the other.
type Sequence = Vec<(String, Vec<u8>)>;

pub(crate) async fn run(args: SendArgs) -> CommandResult {
    if args.list {
        let purchase = [PURCHASE.to_owned(), "a whole sale: see --mode and --then".to_owned()];
        print(&columns(&[vec![purchase], list()].concat()));
        return Ok(ExitCode::SUCCESS);
    }
    let is_default_target = args.to == LOCAL_URL;
    let (file, times, parallel, prints) = (args.file.clone(), args.times, args.parallel as usize, args.print);
    let file = file.map(|file| read_body(Some(file))).transpose()?;
    let mut sequences = Sequences::new(&args, file)?;
    let secrets = if is_default_target {
        // Not the variables: they are those of a stack.
        args.secrets.option()?.map_or_else(|| Secrets::new([LOCAL_SECRET]), Ok)?
    } else if args.print || is_loopback(&args.to) {
        args.secrets.or_local().await?
    } else {
        let missing = || format!("a secret is required for {}: pass --secret or set XSOLLA_SECRETS", origin(&args.to));
        args.secrets.given().await?.ok_or_else(missing)?
    };
    let table = match args.table {
        Some(name) => Some(Table { client: Clients::from_environment().await.dynamodb, name }),
        None if is_default_target => {
            Some(Table { client: Clients::emulator().dynamodb, name: EVENTS_TABLE.to_owned() })
        }
        None => None,
    };
    let sender = Arc::new(Sender {
        http: Http::default(),
        url: args.to,
        secrets,
        has_wrong_signature: args.wrong_signature,
        is_default_target,
        table: table.filter(|_| times == 1),
    });
    if prints {
        for _ in 0..times {
            for (_, body) in sequences.next()? {
                let body_text = String::from_utf8_lossy(&body);
                print(&format!(
                    "Authorization: {}\nContent-Type: application/json\n\n{body_text}\n",
                    sender.sign(&body)
                ));
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    let mut running = JoinSet::new();
    for _ in 0..times {
        if running.len() >= parallel
            && let Some(finished) = running.join_next().await
        {
            count(&mut answers, finished?);
        }
        let (sender, sequence) = (Arc::clone(&sender), sequences.next()?);
        running.spawn(async move { sender.send_all(sequence).await });
    }
    while let Some(finished) = running.join_next().await {
        count(&mut answers, finished?);
    }
    let is_accepted = answers.keys().all(|status| status.starts_with('2'));
    if times > 1 {
        let total = answers.values().sum();
        let counts: Vec<String> = answers.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        print(&format!("  {} ({})\n", counted(total, "answer", "answers"), counts.join(", ")));
    }
    Ok(if is_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn count(answers: &mut BTreeMap<String, usize>, statuses: Vec<String>) {
    for status in statuses {
        *answers.entry(status).or_default() += 1;
    }
}

/// Makes the notifications.
struct Sequences {
    type_name: Option<String>,
    file: Option<Vec<u8>>,
    mode: SaleMode,
    then: Option<Then>,
    changes: Changes,
    ids: Ids,
}

impl Sequences {
    fn new(args: &SendArgs, file: Option<Vec<u8>>) -> Result<Self, Box<dyn std::error::Error>> {
        let is_purchase = args.type_name.as_deref() == Some(PURCHASE);
        if !is_purchase && (args.mode.is_some() || args.then.is_some()) {
            return Err(InvalidArguments("--mode and --then need `send purchase`".to_owned()).into());
        }
        let now = u64::try_from(Timestamp::now().as_microsecond())?;
        Ok(Self {
            type_name: args.type_name.clone(),
            file,
            mode: match args.mode {
                Some(Mode::Combined) => SaleMode::Combined,
                Some(Mode::Separate) | None => SaleMode::Separate,
            },
            then: args.then.map(|then| match then {
                After::Refund => Then::Refund,
                After::PartialRefund => Then::PartialRefund,
                After::Cancel => Then::Cancel,
                After::Dispute => Then::Dispute,
            }),
            changes: Changes {
                user: args.user.clone(),
                order: args.order.clone(),
                transaction: args.transaction.clone(),
                sku: args.sku.clone(),
                set: args.set.clone(),
                sandbox: args.sandbox,
            },
            ids: Ids::starting_at(now),
        })
    }

    fn next(&mut self) -> Result<Sequence, InvalidArguments> {
        self.try_next().map_err(|error| InvalidArguments(error.to_string()))
    }

    fn try_next(&mut self) -> Result<Sequence, SendError> {
        match (&self.file, self.type_name.as_deref()) {
            (Some(body), _) => Ok(vec![("file".to_owned(), body.clone())]),
            (None, Some(PURCHASE)) => {
                let sale = story(self.mode, self.then, &self.changes, &mut self.ids)?;
                Ok(sale.into_iter().map(|(name, body)| (name.to_owned(), body.into_bytes())).collect())
            }
            (None, type_name) => {
                let type_name = type_name.unwrap_or_default();
                let body = notification(type_name, &self.changes, &mut self.ids)?;
                Ok(vec![(type_name.to_owned(), body.into_bytes())])
            }
        }
    }
}

struct Sender {
    http: Http,
    url: Uri,
    secrets: Secrets,
    has_wrong_signature: bool,
    is_default_target: bool,
    /// The table that has the relay's decisions.
    table: Option<Table>,
}

impl Sender {
    fn sign(&self, body: &[u8]) -> String {
        if self.has_wrong_signature {
            xsolla::sign(body, "not the secret of the receiver")
        } else {
            self.secrets.sign(body)
        }
    }

    /// Sends notifications one after the other, up to the first that is not accepted. Prints and returns the answers.
    async fn send_all(&self, sequence: Sequence) -> Vec<String> {
        let mut statuses = Vec::new();
        for (name, body) in sequence {
            let (status, line) = self.send(&body).await;
            print(&format!("  {} {}\n", one_line(format!("{name:<24}")), one_line(line)));
            let is_accepted = status.starts_with('2');
            statuses.push(status);
            if !is_accepted {
                break;
            }
        }
        statuses
    }

    /// Sends a notification. Returns the status, and the rest of the line.
    async fn send(&self, body: &[u8]) -> (String, String) {
        let headers = [("authorization", self.sign(body))];
        let response = match self.http.post(&self.url, &headers, body).await {
            Ok(response) => response,
            Err(error) if self.is_default_target => {
                return ("none".to_owned(), format!("{error}; is `xsolla-webhooks local` running?"));
            }
            Err(error) => return ("none".to_owned(), error.to_string()),
        };
        let status = response.status.to_string();
        let answer = String::from_utf8_lossy(&response.body);
        let event = self.event(body).filter(|_| status.starts_with('2'));
        let line = match event {
            Some(event_id) => match self.goods(&event_id).await {
                Ok(None) => format!("{status}  {event_id}"),
                Ok(Some(goods)) => format!("{status}  {event_id}  goods: {goods}"),
                Err(error) => format!("{status}  {event_id}  goods: unknown, {error}"),
            },
            None => format!("{status}  {answer}"),
        };
        (status, line.trim_end().to_owned())
    }

    /// The event id of a notification; `None` for a question and other text.
    fn event(&self, body: &[u8]) -> Option<EventId> {
        let signature = self.secrets.sign(body).parse().ok()?;
        let verified = self.secrets.verify(body, &signature).ok()?;
        let envelope = Envelope::parse(&verified).ok()?;
        let is_question = envelope.notification_type().is_some_and(is_question);
        (!is_question).then(|| envelope.event_id().clone())
    }

    /// What the relay decided about an event. `None`: there is no table to read.
    ///
    /// # Errors
    ///
    /// If the table cannot be read, or does not have the event.
    async fn goods(&self, event_id: &EventId) -> Result<Option<String>, String> {
        let Some(table) = &self.table else { return Ok(None) };
        let deadline = Instant::now() + DECISION_TIMEOUT;
        while Instant::now() < deadline {
            let context = || Context { table: Some(table.name.clone()), profile: profile(), ..Context::default() };
            let item = table.item(event_id).await.map_err(|error| explain(&error.to_string(), &context()))?;
            let item = item.ok_or_else(|| format!("the event is not in table {}", table.name))?;
            if let Some(stored) = StoredDecision::read(&item) {
                return Ok(Some(goods_and_reason(stored.decision.goods, stored.decision.reason)));
            }
            sleep(DECISION_INTERVAL).await;
        }
        Ok(Some("not decided yet".to_owned()))
    }
}

fn is_question(known: NotificationType) -> bool {
    matches!(known.role(), Role::Question(_))
}

/// Parser of the names of a type. Its error suggests a similar name.
fn type_parser() -> PossibleValuesParser {
    let mut names: Vec<&str> = std::iter::once(PURCHASE).chain(cli::send::type_names()).collect();
    names.sort_unstable();
    PossibleValuesParser::new(names)
}

/// Splits `PATH=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE, such as order.id=7")?;
    Ok((path.to_owned(), value.to_owned()))
}
