"""The chain of last resort speaks enough JSON-RPC for the whole product."""

import pytest

from config.devstack import rpc
from config.devstack.evm import start_evm
from config.devstack.launch import BlocksOnDemand
from config.devstack.processes import stop

# PUSH32 of four bytes in front, MSTORE, REVERT of four: a contract that always refuses.
REFUSING = "0x63deadbeef60e01b60005260046000fd"


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    chain = start_evm(log_path=tmp_path_factory.mktemp("evm") / "log", block_seconds=3600)
    yield chain
    stop([chain.child], timeout_seconds=5)


def test_blocks_and_numbers_are_hexadecimal(chain):
    block = chain.rpc("eth_getBlockByNumber", "latest", False)
    assert all(block[name].startswith("0x") for name in ("number", "hash", "timestamp"))
    assert len(block["logsBloom"]) == 2 + 512


def test_the_finalized_block_trails_the_head(chain):
    sender, receiver = chain.accounts()[:2]
    for _ in range(4):
        rpc.send_ether(chain.url, sender, to=receiver, wei=1)
    assert chain.block_number("finalized") == chain.block_number() - 2


def test_a_block_is_mined_at_a_wish(chain):
    head = chain.block_number()
    BlocksOnDemand(chain.url).write("waiting for finality")
    assert chain.block_number() == head + 1


def test_a_refusal_comes_with_the_bytes_of_its_error(chain):
    call = {"from": chain.accounts()[0], "data": REFUSING}
    with pytest.raises(rpc.RpcError) as refusal:
        chain.rpc("eth_estimateGas", call, "pending")
    assert refusal.value.data == "0xdeadbeef"


def test_an_unknown_method_is_an_error_not_a_silence(chain):
    with pytest.raises(rpc.RpcError):
        chain.rpc("eth_noSuchThing")
