"""Everything the story's chapters share: doors to the product and what has happened so far."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from config.devstack import ports, rpc
from config.devstack.scenario.api import Answer, Api, ScenarioFailed
from config.devstack.scenario.portal import Operator, PortalRefused
from config.devstack.scenario.timeline import Timeline
from config.devstack.supervisor import Stack
from issuance.chain.client import ChainClient
from issuance.chain.wallets import Wallet

MAKER_AND_CHECKER = ("olivia", "peter")
# An address that the stack's country database places in Switzerland.
CLIENT_ADDRESS = "192.0.2.10"
TOTAL_SUPPLY = "0x18160ddd"


@dataclass
class World:
    """The story so far. Letters name investors; objects are kept as the API showed them."""

    stack: Stack
    timeline: Timeline
    api: Api
    first: Operator
    second: Operator
    chain: ChainClient
    receiver_record: Path
    receiver_secret: Path
    receiver_port: int
    investors: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, Wallet] = field(default_factory=dict)
    wallets: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    seconds_to_first_mint: float | None = None

    @classmethod
    def of(cls, stack: Stack, timeline: Timeline) -> Self:
        """Every door of a running stack: an API key, two operators' sessions, a node."""
        people = {each["name"]: each["password"] for each in stack.prepared["operators"]}
        first, second = (
            Operator(stack.ports.portal_url, name=name, password=people[name])
            for name in MAKER_AND_CHECKER
        )
        services = stack.services
        return cls(
            stack=stack,
            timeline=timeline,
            api=Api(stack.ports.api_url, stack.prepared["api_key"], client_address=CLIENT_ADDRESS),
            first=first,
            second=second,
            chain=ChainClient(services.network, [services.rpc_url], services.chain_id),
            receiver_record=stack.state.folder / "received.jsonl",
            receiver_secret=stack.state.folder / "receiver-secret",
            receiver_port=ports.free_port(),
        )

    @property
    def network(self) -> str:
        return self.stack.services.network

    def token(self, symbol: str) -> dict[str, Any]:
        """The token of a fund, as ``GET /v1/tokens`` shows it."""
        for each in self.api.pages("tokens"):
            if each["underlying_symbol"] == symbol and each["network"] == self.network:
                return each
        raise ScenarioFailed(f"no token of {symbol} on {self.network}")

    def supply(self, contract: str) -> int:
        """The supply in units, read from the node itself."""
        call = {"to": contract, "data": TOTAL_SUPPLY}
        return int(rpc.call(self.stack.services.rpc_url, "eth_call", call, "latest"), 16)

    def refuse(self, what: str, answer: Answer | PortalRefused, *, status: int, code: str) -> None:
        """Note a refusal; anything but the expected status and code fails the story."""
        if (answer.status, answer.code) != (status, code):
            shown = answer.text[:500] if isinstance(answer, Answer) else str(answer)
            raise ScenarioFailed(f"{what}: expected {status} {code}, got {answer.status}: {shown}")
        self.refusals.append({"what": what, "status": status, "code": code})
        self.timeline.note(f"refused: {what}", f"{status} {code}")
