"""The chain of last resort, where npm is missing: py-evm behind a small JSON-RPC server.

Run as ``python -m config.devstack.evm PORT BLOCK_SECONDS``. It has no reorgs and keeps nothing.
"""

import ast
import json
import sys
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

from config.devstack import anvil, ports
from config.devstack.processes import start

# py-evm's tester answers with this number and offers no way to choose another.
CHAIN_ID = 131_277_322_940_537
FINAL_BEHIND = 2
REVERTED = 3
REVERT_TEXT = "execution reverted"
MESSAGE_MAX = 500
FAULT = -32_000
# Left empty: nobody here filters by it.
BLOOM_DIGITS = 512


def start_evm(*, log_path: Path, block_seconds: int) -> anvil.Anvil:
    """Start the server as a process of its own."""
    port = ports.free_port()
    command = [sys.executable, "-m", "config.devstack.evm", str(port), str(block_seconds)]
    child = start("chain", command, log_path=log_path)
    return anvil.await_chain(child, port=port, chain_id=CHAIN_ID, version=version("py-evm"))


class Node:
    """One in-memory chain; every call goes through one lock."""

    def __init__(self) -> None:
        from web3 import EthereumTesterProvider, Web3  # noqa: PLC0415 - only this process needs it

        provider = EthereumTesterProvider()
        web3 = Web3(provider)
        web3.middleware_onion.clear()
        self._tester: Any = provider.ethereum_tester
        self._request = provider.request_func(web3, web3.middleware_onion)
        self._lock = threading.Lock()

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        frame = {"jsonrpc": "2.0", "id": question.get("id")}
        with self._lock:
            params = self._numbered(list(question.get("params") or []))
            try:
                answered = self._request(question["method"], params)
            except Exception as fault:  # noqa: BLE001 - whatever it is, the client must hear of it
                return frame | {"error": _error(fault)}
        if "error" in answered:
            return frame | {"error": answered["error"]}
        return frame | {"result": _wire(answered["result"])}

    def mine(self) -> None:
        with self._lock:
            self._tester.mine_block()

    def _numbered(self, params: list[Any]) -> list[Any]:
        """Put what this chain knows in place of the tags it does not.

        Each transaction is mined at once, so nothing is ever pending.
        """
        head = int(self._tester.get_block_by_number("latest")["number"])
        final = hex(max(0, head - FINAL_BEHIND))
        known = {"finalized": final, "safe": final, "pending": "latest"}
        return [known.get(each, each) if isinstance(each, str) else each for each in params]


def _error(fault: Exception) -> dict[str, Any]:
    text = str(fault)
    # py-evm prints the revert's bytes as Python would.
    if text.startswith(REVERT_TEXT + ": b"):
        data = ast.literal_eval(text.removeprefix(REVERT_TEXT + ": "))
        return {"code": REVERTED, "message": REVERT_TEXT, "data": "0x" + data.hex()}
    return {"code": FAULT, "message": text[:MESSAGE_MAX]}


def _wire(value: object) -> object:
    """A value as nodes write it: numbers and bytes in hexadecimal."""
    match value:
        case bool() | None | str() | float():
            return value
        case int():
            return hex(value)
        case bytes():
            return "0x" + value.hex()
        case Mapping():
            wired = {name: _wire(each) for name, each in value.items()}
            if "logsBloom" in wired:
                wired["logsBloom"] = "0x" + "0" * BLOOM_DIGITS
            return wired
        case Iterable():
            return [_wire(each) for each in value]
        case _:
            return str(value)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    node: Node

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        many = isinstance(asked, list)
        answers = [self.node.answer(each) for each in (asked if many else [asked])]
        body = json.dumps(answers if many else answers[0]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing: the pipeline asks several times a second."""


def main(port: int, block_seconds: float) -> None:
    _Handler.node = Node()
    server = ThreadingHTTPServer((ports.LOOPBACK, port), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pause = threading.Event()
    while not pause.wait(block_seconds):
        _Handler.node.mine()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
