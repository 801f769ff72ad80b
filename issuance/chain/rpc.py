"""One node: a JSON-RPC request, its answer, and the closed set of errors; nothing is retried."""

from typing import Any
from urllib.parse import urlsplit

from web3 import HTTPProvider
from web3.types import RPCEndpoint

from issuance.chain.contracts import read_revert
from issuance.chain.errors import (
    CallReverted,
    ChainAnswerInvalid,
    ChainMismatch,
    ChainUnreachable,
    RpcRefused,
)

CONNECT_SECONDS_MAX = 3.0
READ_SECONDS_MAX = 15.0
_EXECUTION_REVERTED = 3
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class RpcNode:
    """One endpoint. Its address may hold an access key, so no error or repr shows it."""

    def __init__(self, url: str, *, label: str, chain_id: int) -> None:
        self.label = label
        self._chain_id = chain_id
        self._checked = False
        # web3 resends even eth_sendRawTransaction by itself, and a second send turns our own
        # success into "nonce too low". Retries belong to the pipeline.
        self._provider = HTTPProvider(
            url,
            request_kwargs=_request_options(url),
            exception_retry_configuration=None,
        )

    def __repr__(self) -> str:
        return f"RpcNode({self.label})"

    def request(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 - as the node answers
        """One request to a node that is known to serve our chain.

        Raises ChainMismatch, ChainUnreachable, ChainAnswerInvalid, CallReverted or RpcRefused.
        """
        if not self._checked:
            self._check_chain()
        return self._request(method, *parameters)

    def _check_chain(self) -> None:
        answer = self._request("eth_chainId")
        if not isinstance(answer, str) or int(answer, 16) != self._chain_id:
            raise ChainMismatch(f"{self.label} serves {answer}, not {self._chain_id}")
        self._checked = True

    def _request(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 - as above
        try:
            response: Any = self._provider.make_request(RPCEndpoint(method), list(parameters))
        except OSError as error:  # every error of requests is one; its text shows the address
            self._checked = False  # another process may answer there next time
            raise ChainUnreachable(f"{self.label}: {type(error).__name__}") from None
        except ValueError as error:
            raise ChainAnswerInvalid(f"{self.label}: {type(error).__name__}") from None
        if not isinstance(response, dict) or ("result" not in response and "error" not in response):
            raise ChainAnswerInvalid(f"{self.label}: neither result nor error")
        refusal = response.get("error")
        if refusal:
            raise _refusal(refusal)
        return response["result"]


def _request_options(url: str) -> dict[str, object]:
    options: dict[str, object] = {"timeout": (CONNECT_SECONDS_MAX, READ_SECONDS_MAX)}
    host = urlsplit(url).hostname or ""
    if host in _LOOPBACK:  # a proxy from the environment cannot reach this machine's own node
        options["proxies"] = {"no_proxy": host}
    return options


def _refusal(error: Any) -> CallReverted | RpcRefused:  # noqa: ANN401 - as the node answers
    if not isinstance(error, dict):
        return RpcRefused(0, str(error))
    code, message = error.get("code"), str(error.get("message", ""))
    data = error.get("data")
    if isinstance(data, dict):  # some nodes nest it
        data = data.get("data")
    hex_data = data if isinstance(data, str) and data.startswith("0x") else ""
    if code == _EXECUTION_REVERTED or (hex_data and "revert" in message):
        raw = bytes.fromhex(hex_data.removeprefix("0x"))
        name, arguments = read_revert(raw) if raw else ("Reverted", ())
        return CallReverted(name, arguments, raw)
    return RpcRefused(code if isinstance(code, int) else 0, message)
