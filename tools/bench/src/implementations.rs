//! The implementations: how to build and start each.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::ValueEnum;
use tokio::fs;
use tokio::process::Command;

use crate::Error;
use crate::events::SECRET;
use crate::services::{Addresses, IDEMPOTENCY_TABLE};

/// Memory options that Lambda's start script passes to Node.js in a function of 256 MB: 5 % new space, 90 % old space.
const NODE_MEMORY: [&str; 2] = ["--max-semi-space-size=12", "--max-old-space-size=230"];

/// An implementation of the webhook function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Implementation {
    /// The binaries of this repository.
    This,
    /// `peers/node`.
    Node,
    /// `peers/python`.
    Python,
}

impl Implementation {
    pub(crate) const ALL: [Self; 3] = [Self::This, Self::Node, Self::Python];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::Node => "Node.js",
            Self::Python => "Python",
        }
    }

    /// Builds the implementation. Packages of the peers are installed again only if their list changed.
    pub(crate) async fn prepare(self, repository: &Path, target: &Path) -> Result<(), Error> {
        let peer = self.peer(target);
        match self {
            Self::This => {
                let mut cargo = Command::new(env!("CARGO"));
                // `cargo run` sets these variables. Some build scripts rerun if they change.
                for (name, _) in std::env::vars()
                    .filter(|(name, _)| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
                {
                    cargo.env_remove(name);
                }
                cargo.args(["build", "--release", "-p", "functions", "--bin", "webhook", "--bin", "relay"]);
                run(cargo.current_dir(repository).arg("--target-dir").arg(target)).await
            }
            Self::Node => {
                let has_changed =
                    copy_peer(&repository.join("tools/bench/peers/node"), &peer, "package-lock.json").await?;
                if has_changed || !peer.join("node_modules/.package-lock.json").exists() {
                    run(Command::new("npm").current_dir(&peer).args(["ci", "--no-audit", "--no-fund"])).await?;
                }
                run(Command::new("npm").current_dir(&peer).args(["run", "--silent", "build"])).await
            }
            Self::Python => {
                let has_changed =
                    copy_peer(&repository.join("tools/bench/peers/python"), &peer, "requirements.txt").await?;
                if has_changed || !peer.join("venv/bin/pip").exists() {
                    run(Command::new("python3").current_dir(&peer).args(["-m", "venv", "--clear", "venv"])).await?;
                    let mut pip = Command::new(peer.join("venv/bin/pip"));
                    run(pip.current_dir(&peer).args(["install", "--quiet", "-r", "requirements.txt"])).await?;
                }
                Ok(())
            }
        }
    }

    /// Directory in which a peer is built.
    fn peer(self, target: &Path) -> PathBuf {
        target.join("peers").join(self.name())
    }

    /// Command that starts the webhook function.
    pub(crate) fn webhook(self, target: &Path, services: &Addresses) -> Command {
        let peer = self.peer(target);
        let mut command = match self {
            Self::This => function(target.join("release/webhook"), services),
            Self::Node => {
                let mut node = function("node", services);
                // The SDK warns at each start that it will require Node.js 22 in 2027.
                node.env("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
                node.args(NODE_MEMORY).arg(peer.join("runtime.mjs")).arg(peer.join("dist/index.mjs"));
                node
            }
            Self::Python => {
                let mut python = function(peer.join("venv/bin/python"), services);
                python.args(["-m", "awslambdaric", "handler.handler"]).current_dir(peer);
                python
            }
        };
        command.env("TABLE_NAME", intake::emulator::EVENTS_TABLE);
        if self == Self::This {
            command.env("XSOLLA_SECRETS", SECRET).env("PSEUDONYM_KEY", SECRET).env("USER_DIRECTORY", "accept-all");
        } else {
            command.env("IDEMPOTENCY_TABLE", IDEMPOTENCY_TABLE).env("XSOLLA_SECRET", SECRET);
            command.env("QUEUE_URL", &services.queue);
        }
        command
    }

    /// Compiler or interpreter, with version.
    pub(crate) async fn version(self, target: &Path) -> Result<String, Error> {
        // `node --version` prints no name.
        let (program, name) = match self {
            Self::This => ("rustc".into(), ""),
            Self::Node => ("node".into(), "Node.js "),
            Self::Python => (self.peer(target).join("venv/bin/python"), ""),
        };
        let output = Command::new(program).arg("--version").output().await?.stdout;
        Ok(format!("{name}{}", String::from_utf8(output)?.trim()))
    }
}

/// Command that starts the relay. The peers have none: their webhook function sends to the queue.
pub(crate) fn relay(target: &Path, services: &Addresses) -> Command {
    let mut command = function(target.join("release/relay"), services);
    command
        .env("TABLE_NAME", intake::emulator::EVENTS_TABLE)
        .env("QUEUE_URL", &services.queue)
        .env("PARKED_QUEUE_URL", &services.parked)
        .env("PAYMENT_WITHOUT_ORDER", "grant");
    command
}

/// Command with the environment that all functions share. Discards logs.
fn function(program: impl Into<PathBuf>, services: &Addresses) -> Command {
    let mut command = Command::new(program.into());
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("AWS_REGION", intake::emulator::REGION)
        .env("AWS_DEFAULT_REGION", intake::emulator::REGION)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_ENDPOINT_URL_DYNAMODB", &services.dynamodb)
        .env("AWS_ENDPOINT_URL_SQS", &services.sqs)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Copies a peer's files. Returns whether its package list changed.
async fn copy_peer(from: &Path, to: &Path, packages: &str) -> Result<bool, Error> {
    fs::create_dir_all(to).await?;
    let has_changed = fs::read(from.join(packages)).await? != fs::read(to.join(packages)).await.unwrap_or_default();
    let mut files = fs::read_dir(from).await?;
    while let Some(file) = files.next_entry().await? {
        fs::copy(file.path(), to.join(file.file_name())).await?;
    }
    Ok(has_changed)
}

async fn run(command: &mut Command) -> Result<(), Error> {
    let shown = format!("{:?}", command.as_std());
    let status = command.status().await.map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}").into()) }
}
