"""The sandbox custodian as a process of its own, reached over real HTTP on loopback."""

import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from config.settings import ROOT
from core.ids import encode_id, new_uuid
from core.units import parse_quantity
from custody.providers import formats
from custody.providers.custodian import (
    AttestationRequest,
    CustodianFile,
    CustodianRefused,
    CustodianUnavailable,
    Instruction,
)
from custody.providers.http_client import HttpCustodian

SECRET = "sandbox secret of the tests"
KEY = "0x" + "11" * 32
IBIT = "US46438F1012"
CONTRACT = "0x" + "ab" * 20
WAIT_SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(folder, port):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CUSTODIAN_SECRET": SECRET,
        "SANDBOX_ATTESTOR_KEY": KEY,
        "SANDBOX_CUSTODIAN_DELAY_SECONDS": "0.3",
    }
    arguments = ["sandbox_custodian", "--port", str(port), "--state", str(folder)]
    child = subprocess.Popen([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment)
    wait_for(lambda: answers(port), "the sandbox to listen")
    return child


def answers(port) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(happened, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """Its port; started once for all tests of this module."""
    port = free_port()
    child = start(tmp_path_factory.mktemp("custodian"), port)
    yield port
    child.terminate()
    assert child.wait(timeout=10) == 0


@pytest.fixture
def client(sandbox):
    return HttpCustodian(url=f"http://127.0.0.1:{sandbox}", secret=SECRET)


def an_advice(shares="1000", **changes):
    fields: dict[str, Any] = {
        "our_reference": encode_id("dep", new_uuid()),
        "account": f"A-{secrets.token_hex(4)}",
        "isin": IBIT,
        "quantity": parse_quantity(shares),
    }
    return Instruction(**fields | changes)


def files_about(client, text, count):
    """The parsed files that speak of ``text``, once there are ``count`` of them."""

    def found():
        every: list[CustodianFile] = []
        after = 0
        while files := client.files(after=after):
            every, after = every + files, files[-1].sequence
        return [formats.parse(each.raw) for each in every if text.encode() in each.raw]

    wait_for(lambda: len(found()) >= count, f"{count} files about {text}")
    return found()


def test_an_advice_is_matched_settled_and_stated(client):
    advice = an_advice("1000.25")
    client.advise(advice)
    matched, settled = files_about(client, advice.our_reference, 2)
    assert (matched.lines[0].outcome, settled.lines[0].outcome) == ("MATCHED", "SETTLED")
    assert settled.lines[0].quantity == parse_quantity("1000.25")
    (stated,) = files_about(client, advice.account, 1)
    assert stated.basis == "SETT"
    assert stated.positions[0].settled == parse_quantity("1000.25")


def test_the_same_advice_again_is_one_advice(client):
    advice = an_advice()
    client.advise(advice)
    client.advise(advice)
    files_about(client, advice.our_reference, 2)
    (stated,) = files_about(client, advice.account, 1)
    assert stated.positions[0].settled == parse_quantity("1000")


def test_a_reference_bears_one_advice(client):
    advice = an_advice()
    client.advise(advice)
    with pytest.raises(CustodianRefused):
        client.advise(replace(advice, quantity=parse_quantity("1001")))


def test_a_delivery_leaves_and_one_without_shares_is_rejected(client):
    advice = an_advice("100")
    client.advise(advice)
    files_about(client, advice.our_reference, 2)
    leaving = replace(
        advice,
        our_reference=encode_id("dlv", new_uuid()),
        quantity=parse_quantity("40"),
        participant="0123",
        destination="X",
    )
    client.instruct(leaving)
    _, delivered = files_about(client, leaving.our_reference, 2)
    assert delivered.lines[0].outcome == "SETTLED"
    too_much = replace(
        leaving, our_reference=encode_id("dlv", new_uuid()), quantity=parse_quantity("61")
    )
    client.instruct(too_much)
    _, refused = files_about(client, too_much.our_reference, 2)
    assert (refused.lines[0].outcome, refused.lines[0].reason) == ("REJECTED", "LACK")
    assert files_about(client, advice.account, 2)[-1].positions[0].settled == parse_quantity("60")


def wanted(isin, shares, contract=CONTRACT):
    return AttestationRequest(
        isin=isin,
        chain_id=31337,
        contract=contract,
        token_name="IBIT token",
        shares=parse_quantity(shares),
    )


def test_it_never_vouches_for_more_than_it_holds_over_all_tokens(client):
    isin = "US3159481098"  # used by this test alone
    assert client.attest(wanted(isin, "5")).shares == 0
    advice = an_advice("1000", isin=isin)
    client.advise(advice)
    files_about(client, advice.our_reference, 2)
    first = client.attest(wanted(isin, "600", "0x" + "01" * 20))
    assert first.shares == parse_quantity("600")
    second = client.attest(wanted(isin, "600", "0x" + "02" * 20))
    assert second.shares == parse_quantity("400")


def test_its_signature_is_the_tokens_own_words(client):
    isin = "US3896371099"  # used by this test alone
    signed = client.attest(wanted(isin, "1"))
    assert signed.report_hash == "0x" + keccak(text=signed.report).hex()
    words = encode_typed_data(
        domain_data={
            "name": "IBIT token",
            "version": "1",
            "chainId": 31337,
            "verifyingContract": CONTRACT,
        },
        message_types={
            "Attestation": [
                {"name": "shares", "type": "uint256"},
                {"name": "asOf", "type": "uint40"},
                {"name": "reportHash", "type": "bytes32"},
            ]
        },
        message_data={
            "shares": signed.shares,
            "asOf": signed.as_of,
            "reportHash": bytes.fromhex(signed.report_hash[2:]),
        },
    )
    assert Account.recover_message(words, signature=signed.signature) == signed.signer_address
    assert signed.signer_address == Account.from_key(KEY).address


def test_the_moment_of_its_word_rises_strictly(client):
    isin = "US3899302075"  # used by this test alone
    moments: list[int] = []
    while len(moments) < 3:
        try:
            moments.append(client.attest(wanted(isin, "1", "0x" + "03" * 20)).as_of)
        except CustodianRefused:
            time.sleep(0.2)
    assert moments == sorted(set(moments))
    assert moments[-1] <= time.time()


def test_a_wrong_secret_gets_nothing(sandbox):
    stranger = HttpCustodian(url=f"http://127.0.0.1:{sandbox}", secret="guess")
    with pytest.raises(CustodianRefused, match="401"):
        stranger.files(after=0)
    with pytest.raises(CustodianRefused, match="401"):
        stranger.advise(an_advice())


@pytest.mark.parametrize("changes", [{"isin": "US46438F1013"}, {"quantity": -1}])
def test_a_malformed_advice_is_refused(client, changes):
    with pytest.raises(CustodianRefused, match="400"):
        client.advise(an_advice(**changes))


def test_nobody_listening_is_unavailable_and_not_refused():
    with pytest.raises(CustodianUnavailable):
        HttpCustodian(url=f"http://127.0.0.1:{free_port()}", secret="x").files(after=0)


def test_its_books_survive_a_kill(tmp_path):
    port = free_port()
    child = start(tmp_path, port)
    advice = an_advice("7")
    client = HttpCustodian(url=f"http://127.0.0.1:{port}", secret=SECRET)
    client.advise(advice)
    child.kill()
    child.wait()
    child = start(tmp_path, port)
    _, settled = files_about(client, advice.our_reference, 2)
    assert settled.lines[0].outcome == "SETTLED"
    child.terminate()
    assert child.wait(timeout=10) == 0
