"""An HTTPS endpoint that answers questions, as a game's directory does. It checks the signature of each request."""

import hashlib
import hmac
import http.server
import ssl
import subprocess
import threading


def certificate(folder):
    """Creates a certificate for this machine, which the functions trust."""
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


class Endpoint:
    """The running endpoint. A context manager."""

    def __init__(self, certificate, key):
        self.signing_key, self.questions = None, []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(endpoint.answer(self.headers, body))
                self.send_header("Content-Type", "application/json")
                answer = b'{"user":{"id":"isle-4471"}}'
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}/questions"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, headers, body):
        """200 if the request is signed with the key, as the documentation describes it."""
        text = f"{headers['X-Webhook-Timestamp']}.{headers['X-Webhook-Type']}.".encode() + body
        expected = hmac.new((self.signing_key or "").encode(), text, hashlib.sha256).hexdigest()
        self.questions.append(headers["X-Webhook-Type"])
        return 200 if hmac.compare_digest(expected, headers["X-Webhook-Signature"]) else 401

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
