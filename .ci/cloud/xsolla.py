"""Sends webhooks to a deployed stack as Xsolla does."""

import base64
import hashlib
import http.client
import json
import urllib.parse

from emulator import ROOT

# Random, since the functions reject placeholders.
SECRET = "hV4qTz81LmKcW9xR"
OLD_SECRET = "Bn7eYd20UsGpJ3fA"
# An address of Xsolla's published ranges.
ADDRESS = "185.30.20.16"
USER = "isle-4471"


def sample(name, **replacements):
    """A body of `events/`, with other texts in place of some. Fails if a text is not in the body."""
    event = json.loads((ROOT / f"events/{name}.json").read_text())
    body = event["body"] if not event.get("isBase64Encoded") else base64.b64decode(event["body"]).decode()
    for old, new in replacements.items():
        assert old in body, f"events/{name}.json: {old}"
        body = body.replace(old, new)
    return body.encode()


def sign(body, secret=SECRET):
    return {"Authorization": "Signature " + hashlib.sha1(body + secret.encode()).hexdigest()}


class Api:
    """The API of a stack."""

    def __init__(self, stack):
        url = urllib.parse.urlsplit(stack.outputs["WebhookUrl"])
        self.id, self.stage = url.netloc.split(".")[0], url.path.removesuffix("/webhooks")
        self.port = stack.emulator.port

    def call(self, method, path, body=b"", headers=(), source=ADDRESS):
        """Returns the status and the body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        host = f"{self.id}.execute-api.localhost:{self.port}"
        fields = {"Host": host, "Content-Type": "application/json", "X-Forwarded-For": source, **dict(headers)}
        try:
            connection.request(method, self.stage + path, body, fields)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def post(self, path, body, secret=SECRET, **options):
        return self.call("POST", path, body, sign(body, secret), **options)
