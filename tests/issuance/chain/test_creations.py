"""A contract is created once: faults of the way are waited out, and a second run finds the first's."""

import pytest

from issuance.chain import contracts, creations
from issuance.chain.client import ChainClient
from issuance.chain.creations import Creations, create
from issuance.chain.deploy import deploy_token
from issuance.chain.errors import CallReverted, CreationPending
from tests.issuance.chain.conftest import plan_for
from tests.issuance.chain.nodes import Liar

RECEIPT = "eth_getTransactionReceipt"


@pytest.fixture
def liar(anvil):
    node = Liar(anvil.url, chain_id=anvil.chain_id)
    yield node
    node.stop()


@pytest.fixture
def begun(tmp_path, anvil) -> Creations:
    return Creations(tmp_path / "creations", chain_id=anvil.chain_id, undertaking="sIBIT")


def token_code() -> bytes:
    return contracts.artifact("EtfToken").bytecode


def test_a_node_that_fails_for_a_moment_ends_no_deployment(liar, anvil, deployer, wallets):
    left = [{"error": {"code": -32005, "message": "limit exceeded"}}, 502, {"result": "nonsense"}]

    def receipt(tx_hash):
        return left.pop() if left else liar.truth(RECEIPT, tx_hash)

    liar.answers[RECEIPT] = receipt
    client = ChainClient("anvil", [liar.url], anvil.chain_id)
    made = deploy_token(client=client, signer=deployer, plan=plan_for(wallets))
    assert left == []
    assert client.nonce(deployer.address, at="latest") == 2
    assert client.code(made.address) != b""


def test_what_was_sent_and_not_mined_in_time_is_waited_for_by_the_next_run(
    client, anvil, deployer, begun, monkeypatch
):
    anvil.automine(on=False)
    monkeypatch.setattr(creations, "_MINED_SECONDS_MAX", 0.2)
    with pytest.raises(CreationPending):
        create(client=client, signer=deployer, code=token_code(), begun=begun)
    (kept,) = begun.all()
    anvil.drop(kept.tx_hash)  # the node has forgotten it; the file has not
    with pytest.raises(CreationPending):
        create(client=client, signer=deployer, code=token_code(), begun=begun)
    anvil.mine(1)
    receipt = create(client=client, signer=deployer, code=token_code(), begun=begun)
    assert receipt.tx_hash == kept.tx_hash
    assert client.nonce(deployer.address, at="latest") == 1


def test_the_bytes_are_on_disk_before_they_are_sent(client, deployer, begun, monkeypatch):
    def send(raw):
        (kept,) = begun.all()
        assert kept.raw == f"0x{raw.hex()}"
        raise InterruptedError

    monkeypatch.setattr(client, "send", send)
    with pytest.raises(InterruptedError):
        create(client=client, signer=deployer, code=token_code(), begun=begun)
    monkeypatch.undo()
    create(client=client, signer=deployer, code=token_code(), begun=begun)
    assert client.nonce(deployer.address, at="latest") == 1


def test_other_code_another_sender_and_another_undertaking_are_other_creations(
    client, deployer, begun, tmp_path, anvil
):
    first = create(client=client, signer=deployer, code=token_code(), begun=begun)
    again = create(client=client, signer=deployer, code=token_code(), begun=begun)
    other = Creations(tmp_path / "creations", chain_id=anvil.chain_id, undertaking="sFBTC")
    elsewhere = create(client=client, signer=deployer, code=token_code(), begun=other)
    alone = create(client=client, signer=deployer, code=token_code())
    addresses = {each.contract_address for each in (first, again, elsewhere, alone)}
    assert first == again
    assert len(addresses) == 3
    assert begun.find(digest=begun.all()[0].digest, sender="0x" + "11" * 20) is None


def test_a_creation_that_failed_in_its_block_is_forgotten(
    client, anvil, deployer, begun, monkeypatch
):
    # NUMBER PUSH1 limit LT PUSH1 8 JUMPI STOP JUMPDEST PUSH0 PUSH0 REVERT: not after that block.
    code = bytes.fromhex(f"4360{client.head().number + 1:02x}10600857005b5f5ffd")
    send = client.send

    def late(raw):
        anvil.mine(1)
        return send(raw)

    monkeypatch.setattr(client, "send", late)
    with pytest.raises(CallReverted, match="CreationFailed"):
        create(client=client, signer=deployer, code=code, begun=begun)
    assert begun.all() == []
