"""The kinds of fault the proxy knows, and how likely each is by method."""

import random
from collections.abc import Mapping, Sequence
from enum import StrEnum

GAS_CAP = 16_777_216
# geth wants both fees of a replacement raised by a tenth.
REPLACEMENT_PERCENT = 110


class Fault(StrEnum):
    """What can happen to one JSON-RPC request."""

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    HTTP_429 = "http_429"
    HTTP_500 = "http_500"
    TRUNCATED = "truncated_json"
    NULL_RECEIPT = "null_receipt"
    STALE_HEAD = "stale_head"
    STALLED_FINALITY = "stalled_finality"
    LAGGING_NONCE = "lagging_nonce"
    WRONG_CHAIN_ID = "wrong_chain_id"
    FALSE_NONCE_TOO_LOW = "false_nonce_too_low"
    FALSE_ALREADY_KNOWN = "false_already_known"
    FALSE_UNDERPRICED = "false_underpriced"
    # Rules of real nodes that anvil does not have: counted when they refuse something.
    REPLACEMENT_RULE = "ten_percent_rule"
    GAS_CAP_RULE = "gas_cap_rule"


# These befall a connection or an answer as a whole, however many questions it carries.
OF_THE_CARRIER = frozenset(
    {Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.HTTP_429, Fault.HTTP_500, Fault.TRUNCATED}
)
RULES = frozenset({Fault.REPLACEMENT_RULE, Fault.GAS_CAP_RULE})

_ANY: Mapping[Fault, float] = {
    Fault.DROP_BEFORE: 1.0,
    Fault.DROP_AFTER: 1.0,
    Fault.DELAY: 1.0,
    Fault.HTTP_429: 0.7,
    Fault.HTTP_500: 0.7,
    Fault.TRUNCATED: 0.7,
}
_BY_METHOD: Mapping[str, Mapping[Fault, float]] = {
    "eth_sendRawTransaction": {
        Fault.DROP_AFTER: 3.0,
        Fault.DUPLICATE: 3.0,
        Fault.FALSE_NONCE_TOO_LOW: 3.0,
        Fault.FALSE_ALREADY_KNOWN: 3.0,
        Fault.FALSE_UNDERPRICED: 3.0,
    },
    "eth_getTransactionReceipt": {Fault.NULL_RECEIPT: 6.0},
    "eth_getTransactionCount": {Fault.LAGGING_NONCE: 4.0},
    "eth_getBlockByNumber": {Fault.STALE_HEAD: 1.5, Fault.STALLED_FINALITY: 1.5},
    "eth_chainId": {Fault.WRONG_CHAIN_ID: 1.0},
}
# Sends are rarer than reads, and what goes wrong with them matters most.
_SEND_WEIGHT = 4.0

FALSE_REFUSALS: Mapping[Fault, str] = {
    Fault.FALSE_NONCE_TOO_LOW: "nonce too low",
    Fault.FALSE_ALREADY_KNOWN: "already known",
    Fault.FALSE_UNDERPRICED: "replacement transaction underpriced",
}


def choose(method: str, *, chance: float, dice: random.Random) -> Fault | None:
    """The fault that befalls this request, or None; ``chance`` is that of an ordinary request."""
    if method == "eth_sendRawTransaction":
        chance = min(chance * _SEND_WEIGHT, 0.6)
    if dice.random() >= chance:
        return None
    weights = {**_ANY, **_BY_METHOD.get(method, {})}
    kinds: Sequence[Fault] = list(weights)
    return dice.choices(kinds, [weights[kind] for kind in kinds])[0]
