"""A few lines of JSON-RPC, so that the stack can ask a node without a chain library."""

import itertools
import json
import urllib.request
from typing import Any

TIMEOUT_SECONDS = 20
TRANSFER_GAS = 21_000
_numbers = itertools.count(1)
# Never through a proxy of the environment: the node is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RpcError(Exception):
    """The node answered with an error; ``data`` carries the revert's bytes when there are any."""

    def __init__(self, message: str, data: object = None) -> None:
        super().__init__(message)
        self.data = data


def call(url: str, method: str, *params: object) -> Any:  # noqa: ANN401 - as the node answers
    """The result of one call. Raises RpcError for the node's error, OSError without an answer."""
    body = {"jsonrpc": "2.0", "id": next(_numbers), "method": method, "params": params}
    request = urllib.request.Request(  # noqa: S310 - a loopback http address of our own
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with _opener.open(request, timeout=TIMEOUT_SECONDS) as response:
        answer = json.load(response)
    if "error" in answer:
        raise RpcError(str(answer["error"].get("message")), answer["error"].get("data"))
    return answer["result"]


def send_ether(url: str, sender: str, *, to: str, wei: int) -> None:
    """A plain transfer from an account the node itself holds the key of."""
    transfer = {"from": sender, "to": to, "value": hex(wei), "gas": hex(TRANSFER_GAS)}
    call(url, "eth_sendTransaction", transfer)
