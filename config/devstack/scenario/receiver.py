"""An institution's webhook receiver, as a process of its own, checking with the public library.

Run as ``python -m config.devstack.scenario.receiver PORT SECRET_FILE RECORD_FILE``. Appends one
line of JSON for each delivery: its id, type, sequence and whether the signature held.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

from config.devstack import ports


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    secret_path: Path
    record_path: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        record: dict[str, object] = {"id": self.headers.get("webhook-id")}
        try:
            checker = Webhook(self.secret_path.read_text().strip())
            event = checker.verify(body, dict(self.headers.items()))
            record |= {"verified": True, "event": event}
        except (WebhookVerificationError, OSError) as refused:
            record |= {"verified": False, "why": str(refused)}
        with self.record_path.open("a") as records:
            records.write(json.dumps(record) + "\n")
        self.send_response(204 if record["verified"] else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing: the record is the log."""


def main(port: int, secret_path: Path, record_path: Path) -> None:
    _Handler.secret_path, _Handler.record_path = secret_path, record_path
    ThreadingHTTPServer((ports.LOOPBACK, port), _Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
