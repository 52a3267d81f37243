"""Runs the example consumers against the emulator. Each must grant an order once although the order is sent twice."""

import hashlib
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).parent.parent
EXAMPLES = ROOT / "shared/consumer/examples"
SCRATCH = ROOT / "target/consumers"
ORDER = (ROOT / "shared/xsolla/samples/order_paid-v2.json").read_bytes()
SECRET = b"test_secret"
ENVIRONMENT = os.environ | {
    "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:7702",
    "QUEUE_URL": "http://127.0.0.1:7702/000000000000/events.fifo",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
}


def send(body):
    signature = hashlib.sha1(body + SECRET).hexdigest()
    request = urllib.request.Request(
        "http://127.0.0.1:7700/webhooks", body, {"Authorization": f"Signature {signature}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200, answer.status


def wait_until_open(server):
    for _ in range(120):
        assert server.poll() is None, "the emulator has exited"
        try:
            urllib.request.urlopen("http://127.0.0.1:7700/", timeout=10)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the emulator did not open its port within a minute")


def run(name, command, directory=ROOT):
    # Random ids: other runs have sent other orders.
    order = ORDER.replace(b"712071840", b"%d" % secrets.randbelow(10**9))
    order = order.replace(b"2298155610", b"%d" % secrets.randbelow(10**9))
    send(order)
    send(order)
    output = subprocess.run(command, cwd=directory, env=ENVIRONMENT, check=True, timeout=120, stdout=subprocess.PIPE, text=True).stdout
    print(f"{name}:\n{output}")
    assert output.count("grant 1500 × isle-pearls") == 1, "the contents of the bundle are granted once"
    assert "starter-crate" not in output, "the bundle itself is not granted"


def main(python, npm):
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    server = subprocess.Popen([ROOT / "target/debug/xsolla-webhooks", "local", "--quiet"])
    try:
        wait_until_open(server)
        run("Rust", ["cargo", "run", "--quiet", "-p", "consumer", "--example", "consume"])
        run("Python", [python, EXAMPLES / "consume.py"], SCRATCH)
        shutil.copy(EXAMPLES / "consume.ts", SCRATCH)
        (SCRATCH / "package.json").write_text('{"type": "module"}')
        packages = ["@aws-sdk/client-sqs@3", "@types/node@22", "json-schema-to-typescript@15", "tsx@4", "typescript@5"]
        subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=SCRATCH, check=True)
        subprocess.run(["npx", "json-schema-to-typescript", ROOT / "shared/message/schema.json", "event.d.ts"], cwd=SCRATCH, check=True)
        flags = "--noEmit --strict --module nodenext --target es2022 --allowImportingTsExtensions --skipLibCheck --types node"
        subprocess.run(["npx", "tsc", *flags.split(), "consume.ts"], cwd=SCRATCH, check=True)
        run("TypeScript", ["npx", "tsx", "consume.ts"], SCRATCH)
    finally:
        server.terminate()
        server.wait()


main(*sys.argv[1:])
