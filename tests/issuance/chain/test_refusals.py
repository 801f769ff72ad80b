"""What each client says, in its own words, falls into one closed set; other words fall into OTHER."""

import pytest

from issuance.chain.errors import (
    CallReverted,
    ChainAnswerInvalid,
    ChainMismatch,
    ChainUnreachable,
    RateLimited,
    RpcRefused,
)
from issuance.chain.refusals import refusal, remark, send_kind
from issuance.chain.types import SendKind

KNOWN, LOW, HIGH = SendKind.ALREADY_KNOWN, SendKind.NONCE_TOO_LOW, SendKind.NONCE_TOO_HIGH
POOR, CHEAP, FULL = SendKind.INSUFFICIENT_FUNDS, SendKind.UNDERPRICED, SendKind.POOL_FULL
MUCH, LITTLE, CAP = SendKind.GAS_TOO_HIGH, SendKind.GAS_TOO_LOW, SendKind.FEE_ABOVE_NODE_CAP
OTHER = SendKind.OTHER

TEXTS = {
    "geth": [
        ("already known", KNOWN),
        ("nonce too low: next nonce 5, tx nonce 4", LOW),
        (
            "nonce too high: address 0x52908400098527886E0F7030069857D2E4169EE7, tx: 9 state: 4",
            HIGH,
        ),
        ("gapped-nonce tx from delegated accounts", HIGH),
        ("in-flight transaction limit reached for delegated accounts", FULL),
        ("insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1", POOR),
        ("replacement transaction underpriced", CHEAP),
        ("transaction underpriced: gas tip cap 1, minimum needed 1000000", CHEAP),
        (
            "max fee per gas less than block base fee: address 0x.., maxFeePerGas: 1, baseFee: 7",
            CHEAP,
        ),
        ("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", CAP),
        ("txpool is full", FULL),
        ("exceeds block gas limit", MUCH),
        ("transaction gas limit too high (cap: 16777216, tx: 16777217)", MUCH),
        ("intrinsic gas too low: gas 20000, minimum needed 21000", LITTLE),
        ("invalid sender", OTHER),
        ("oversized data: transaction size 200000, limit 131072", OTHER),
        ("max priority fee per gas higher than max fee per gas", OTHER),
    ],
    "erigon": [
        ("already known", KNOWN),
        ("existing txn with same hash", KNOWN),
        ("INTERNAL_ERROR: existing tx with same hash", KNOWN),
        ("nonce too low", LOW),
        ("insufficient funds", POOR),
        ("could not replace existing tx", CHEAP),
        ("underpriced", CHEAP),
        ("fee too low", CHEAP),
        ("pending sub-pool is full", FULL),
        ("baseFee sub-pool is full", FULL),
        ("spammer", FULL),
        ("IntrinsicGas", LITTLE),
        ("gas limit is too high", MUCH),
        ("fork supporting this transaction type is not activated yet", OTHER),
    ],
    "nethermind": [
        ("AlreadyKnown", KNOWN),
        ("OwnNonceAlreadyUsed", LOW),
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", LOW),
        ("NonceGap, Future nonce. Expected nonce: 5", HIGH),
        ("InsufficientFunds, Account balance: 1, cumulative cost: 2", POOR),
        ("FeeTooLow, FeePerGas: 1, MinFee: 2", CHEAP),
        ("FeeTooLowToCompete", CHEAP),
        ("ReplacementNotAllowed", CHEAP),
        ("GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 40000000", MUCH),
        ("SenderIsContract", OTHER),
    ],
    "besu": [
        ("Known transaction", KNOWN),
        ("Nonce too low", LOW),
        ("Nonce too high", HIGH),
        ("Transaction nonce is too distant from current sender nonce", HIGH),
        ("Upfront cost exceeds account balance", POOR),
        ("Replacement transaction underpriced", CHEAP),
        ("Gas price below configured minimum gas price", CHEAP),
        ("Gas price below current base fee", CHEAP),
        ("Transaction fee cap exceeded", CAP),
        ("Transaction gas limit exceeds block gas limit", MUCH),
        ("Intrinsic gas exceeds gas limit", LITTLE),
        ("An invalid transaction with a lower nonce exists", OTHER),
        ("Sender account not authorized to send transactions", OTHER),
        ("Unknown transaction type", OTHER),
    ],
    "reth": [
        ("already known", KNOWN),
        ("nonce too low: next nonce 5, tx nonce 4", LOW),
        ("insufficient funds for gas * price + value: have 1 want 2", POOR),
        ("transaction underpriced", CHEAP),
        ("max fee per gas less than block base fee", CHEAP),
        ("txpool is full", FULL),
        ("exceeds block gas limit", MUCH),
        ("intrinsic gas too high", MUCH),
        ("intrinsic gas too low", LITTLE),
        ("address already reserved", OTHER),
    ],
    "anvil": [
        ("transaction already imported", KNOWN),
        ("nonce too low", LOW),
        ("Insufficient funds for gas * price + value", POOR),
        ("replacement transaction underpriced", CHEAP),
        ("max fee per gas less than block base fee", CHEAP),
        ("intrinsic gas too low", LITTLE),
        ("Failed to decode transaction", OTHER),
    ],
    "nitro": [
        ("invalid transaction nonce", LOW),
        ("gas price too low", CHEAP),
        ("not enough funds for gas", POOR),
        ("forbidden sender address", OTHER),
    ],
}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        pytest.param(message, kind, id=f"{client}: {message[:40]}")
        for client, texts in TEXTS.items()
        for message, kind in texts
    ],
)
def test_a_refused_broadcast_is_sorted_by_its_words(message, kind):
    assert send_kind(message) is kind
    assert remark(RpcRefused(-32000, message)).kind is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(ChainUnreachable("x"), SendKind.UNREACHABLE, id="unreachable"),
        pytest.param(RateLimited("x"), SendKind.RATE_LIMITED, id="rate-limited"),
        pytest.param(ChainMismatch("x"), SendKind.WRONG_CHAIN, id="wrong-chain"),
        pytest.param(ChainAnswerInvalid("x"), SendKind.OTHER, id="garbage"),
        pytest.param(CallReverted("x"), SendKind.OTHER, id="reverted"),
    ],
)
def test_a_broadcast_without_an_answer_is_sorted_by_what_came_instead(error, kind):
    assert remark(error).kind is kind


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(
            {"code": -32005, "message": "daily request count exceeded, request rate limited"},
            id="infura-day",
        ),
        pytest.param({"code": -32005, "message": "project ID request rate exceeded"}, id="infura"),
        pytest.param(
            {
                "code": 429,
                "message": "Your app has exceeded its compute units per second capacity. If you "
                "have retries enabled, you can safely ignore this message.",
            },
            id="alchemy",
        ),
        pytest.param(
            {
                "code": -32007,
                "message": "50/second request limit reached - reduce calls per second or upgrade "
                "your account at quicknode.com",
            },
            id="quicknode",
        ),
        pytest.param(
            {
                "code": -32000,
                "message": "You've exceeded the RPS limit available on the current plan.",
            },
            id="chainstack",
        ),
        pytest.param({"code": -32016, "message": "over rate limit"}, id="base-public"),
        pytest.param(
            {"code": -32090, "message": "Too many requests, reason: call rate limit"}, id="ankr"
        ),
    ],
)
def test_a_gateways_plea_for_patience_is_no_answer_to_the_question(error):
    assert isinstance(refusal(error), RateLimited)
    assert isinstance(refusal(error), ChainUnreachable)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(
            {"code": -32007, "message": "Sender account not authorized to send transactions"},
            id="besu-uses-quicknodes-code",
        ),
        pytest.param(
            {"code": -32005, "message": "Requested range exceeds maximum RPC range limit"},
            id="besu-uses-infuras-code",
        ),
        pytest.param({"code": -32000, "message": "header not found"}, id="a-lagging-backend"),
        pytest.param({"code": -32601, "message": "the method does not exist"}, id="no-method"),
        pytest.param("rejected", id="not-even-an-object"),
        pytest.param({"message": None}, id="no-words"),
    ],
)
def test_other_errors_are_refusals_and_say_nothing_about_the_chain(error):
    assert isinstance(refusal(error), RpcRefused)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param({"code": 3, "message": "execution reverted", "data": "0x"}, id="geth"),
        pytest.param(
            {"code": -32000, "message": "Execution reverted", "data": "0x11223344"}, id="besu"
        ),
        pytest.param(
            {"code": -32015, "message": "VM reverted", "data": {"data": "0x11"}}, id="nested"
        ),
        pytest.param({"code": 3, "message": "execution reverted", "data": "0xzz"}, id="bad-hex"),
    ],
)
def test_a_revert_is_the_contracts_word(error):
    assert isinstance(refusal(error), CallReverted)


def test_an_address_that_a_gateway_quotes_is_not_repeated():
    told = refusal({"code": 1, "message": "no such project https://x.example/v3/secret-key here"})
    assert "secret" not in f"{told}"
    assert "here" in f"{told}"
