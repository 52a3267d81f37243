"""Starts the emulator of AWS on 127.0.0.1, and stops it."""

import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
from botocore.config import Config

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
REGION = "eu-central-1"
# The account's root user, whose calls the emulator does not restrict.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class Emulator:
    """The running emulator. A context manager, which stops the process and its functions."""

    def __init__(self, folder=ROOT / "target/cloud", certificate=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for old in (self.properties_file, self.decisions_file):
            old.unlink(missing_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_HOST": "localhost",
            "AWS_ENDPOINT_URL": self.endpoint,
            # Otherwise it listens on a port for devices.
            "IOT_MTLS_ENABLED": "0",
            "PROPERTIES_FILE": str(self.properties_file),
            "DECISIONS_FILE": str(self.decisions_file),
        }
        if certificate:
            environment["SSL_CERT_FILE"] = str(certificate)
        self.log = folder / "emulator.log"
        command = [sys.executable, HERE / "emulated_aws.py"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.wait_until_open()

    @property
    def properties_file(self):
        return self.folder / "properties.json"

    @property
    def decisions_file(self):
        return self.folder / "decisions.jsonl"

    def wait_until_open(self):
        for _ in range(300):
            if self.process.poll() is None:
                try:
                    with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5):
                        return
                except OSError:
                    time.sleep(0.1)
        self.__exit__()
        sys.exit(f"the emulator did not start:\n{self.log.read_text()[-2000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Stops the emulator's own process group, which includes the functions."""
        for kind, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, kind)
                self.process.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    @functools.cache
    def client(self, service, key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"]):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=key_id,
            aws_secret_access_key=key,
            config=Config(retries={"max_attempts": 0}, read_timeout=120, s3={"addressing_style": "path"}),
        )

    def shell(self, script, typed=""):
        """Runs documented commands as an operator does. Returns the exit code, the output and the errors."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= CREDENTIALS | {"AWS_ENDPOINT_URL": self.endpoint, "COLUMNS": "80"}
        command = ["bash", "-euc", script]
        run = subprocess.run(command, input=typed, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=60)
        return run.returncode, run.stdout, run.stderr

    def properties(self):
        """The resolved properties of the resources that the emulator itself does not support, by physical name."""
        return json.loads(self.properties_file.read_text())

    def decisions(self, position):
        """The decisions about calls of functions from a position in their file: role, action, resource, whether allowed."""
        with self.decisions_file.open() as file:
            file.seek(position)
            # A line may be incomplete.
            return [json.loads(line) for line in file if line.endswith("\n")]
