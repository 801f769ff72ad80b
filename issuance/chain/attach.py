"""Look at an issuer's existing ERC-3643 token before it is taken into service, and refuse what does not fit."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from issuance.chain import erc3643 as calls
from issuance.chain.errors import BytecodeMismatch, ChainError, RoleMissing
from issuance.chain.types import Chain, Head, Log

VERSION = re.compile(r"4\.\d+\.\d+")
DECIMALS = 18
SYMBOL = re.compile(r"[A-Za-z0-9]{1,20}")
NAME_LENGTH_MAX = 80
RANGE_BLOCKS_MAX = 2_000
_WORD = 32


class StandardUnsupported(ChainError):
    """The contract is not an ERC-3643 core token of a kind we can speak to."""

    code = "standard_unsupported"


class RedemptionWalletUnfit(ChainError):
    """The wallet cannot receive redemptions: not verified, frozen, or not empty."""

    code = "redemption_wallet_unfit"


class HistoryIncomplete(ChainError):
    """The token's logs from the block given do not add up to its supply, or it moves right now."""

    code = "history_incomplete"


class RulesChanged(ChainError):
    """Owner, registry, compliance or code differ from what the token was attached with."""

    code = "rules_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an existing token must be to be attached.

    ``agents`` are our own keys, ``other_agents`` the issuer's that may stay: nobody else may be
    able to mint. ``first_block`` is the one the token was created in, or one before.
    """

    address: str
    redemption_wallet: str
    agents: Sequence[str]
    other_agents: Sequence[str]
    first_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An existing token that may be attached, as it is at a finalized block."""

    name: str
    symbol: str
    version: str
    supply: int
    paused: bool
    block: Head
    watched: dict[str, str]


def inspect(*, client: Chain, wanted: Wanted) -> Found:
    """Read the token at a finalized block and refuse what does not fit.

    Raises BytecodeMismatch without a contract there, StandardUnsupported, RoleMissing,
    RedemptionWalletUnfit, HistoryIncomplete, or another ChainError: unknown.
    """
    if not client.code(wanted.address):
        raise BytecodeMismatch(f"there is no contract at {wanted.address}")
    block = client.finalized()
    reader = calls.Erc3643Reader(client, wanted.address)
    version, name, symbol = (
        ask(at=block.number) for ask in (reader.version, reader.name, reader.symbol)
    )
    if not VERSION.fullmatch(version):
        raise StandardUnsupported(f"version {version[:20]!r} is not 4.x")
    if reader.decimals(at=block.number) != DECIMALS:
        raise StandardUnsupported(f"it has {reader.decimals(at=block.number)} decimals, not 18")
    if not SYMBOL.fullmatch(symbol) or not 0 < len(name) <= NAME_LENGTH_MAX:
        raise StandardUnsupported("its name or symbol cannot be shown")
    _require_agents(reader, wanted.agents, block.number)
    _require_redemption_wallet(reader, wanted, block.number)
    supply = reader.supply(at=block.number)
    _require_history(client, wanted, supply=supply, last=block.number)
    if reader.supply() != supply:
        raise HistoryIncomplete("the supply moved since the last finalized block; try again")
    return Found(
        name=name,
        symbol=symbol,
        version=version,
        supply=supply,
        paused=reader.is_paused(at=block.number),
        block=block,
        watched=reader.watched(at=block.number),
    )


def verify_attached(
    *,
    client: Chain,
    address: str,
    redemption_wallet: str,
    agents: Sequence[str],
    watched: Mapping[str, str],
) -> Head:
    """Compare an attached token with what it was attached with; returns the finalized block read.

    What it enforces is the issuer's own, and its code is not ours to know. Raises BytecodeMismatch
    without a contract there, RulesChanged, RoleMissing, RedemptionWalletUnfit, or another
    ChainError: unknown.
    """
    if not client.code(address):
        raise BytecodeMismatch(f"there is no contract at {address}")
    block = client.finalized()
    reader = calls.Erc3643Reader(client, address)
    seen = reader.watched(at=block.number)
    differing = sorted(
        name for name in seen.keys() | watched.keys() if seen.get(name) != watched.get(name)
    )
    if differing:
        told = ", ".join(f"{name} is {seen.get(name, 'gone')}" for name in differing)
        raise RulesChanged(f"{told} at block {block.number}")
    _require_agents(reader, agents, block.number)
    if not reader.is_verified(redemption_wallet, at=block.number):
        raise RedemptionWalletUnfit(f"{redemption_wallet} is not verified in the token's registry")
    if reader.is_frozen(redemption_wallet, at=block.number):
        raise RedemptionWalletUnfit(f"{redemption_wallet} is frozen")
    return block


def _require_agents(reader: calls.Erc3643Reader, agents: Sequence[str], at: int) -> None:
    for agent in agents:
        if not (reader.is_agent(agent, at=at) and reader.is_agent(agent)):
            raise RoleMissing(f"{agent} is not an agent of the token, at finality and now")


def _require_redemption_wallet(reader: calls.Erc3643Reader, wanted: Wanted, at: int) -> None:
    wallet = wanted.redemption_wallet
    if wallet.lower() in {each.lower() for each in (*wanted.agents, wanted.address)}:
        raise RedemptionWalletUnfit("the redemption wallet must not be one of our keys")
    if not reader.is_verified(wallet, at=at):
        raise RedemptionWalletUnfit(f"{wallet} is not verified in the token's registry")
    if reader.is_frozen(wallet, at=at) or reader.balance(wallet, at=at) or reader.balance(wallet):
        raise RedemptionWalletUnfit(f"{wallet} is frozen or holds tokens already")


def _require_history(client: Chain, wanted: Wanted, *, supply: int, last: int) -> None:
    """The logs make the supply and name every agent, so nobody unknown can mint from here on."""
    balances: defaultdict[str, int] = defaultdict(int)
    agents: set[str] = set()
    for log in _logs(client, wanted, last):
        topic = log.topics[0] if log.topics else ""
        if topic == calls.TRANSFER:
            amount = int.from_bytes(log.data[:_WORD])
            balances[calls.account_of(log.topics[1])] -= amount
            balances[calls.account_of(log.topics[2])] += amount
        elif calls.RULE_CHANGES.get(topic) == "AgentAdded":
            agents.add(calls.account_of(log.topics[1]).lower())
        elif calls.RULE_CHANGES.get(topic) == "AgentRemoved":
            agents.discard(calls.account_of(log.topics[1]).lower())
    created = -balances.pop(calls.NOBODY, 0)
    if created != supply or any(balance < 0 for balance in balances.values()):
        raise HistoryIncomplete(f"logs since block {wanted.first_block} make {created}")
    strangers = agents - {each.lower() for each in (*wanted.agents, *wanted.other_agents)}
    if strangers:
        raise RoleMissing(f"agents that nobody named: {', '.join(sorted(strangers))}")


def _logs(client: Chain, wanted: Wanted, last: int) -> Iterator[Log]:
    for first in range(wanted.first_block, last + 1, RANGE_BLOCKS_MAX):
        until = min(first + RANGE_BLOCKS_MAX - 1, last)
        yield from client.logs(address=wanted.address, first=first, last=until)
