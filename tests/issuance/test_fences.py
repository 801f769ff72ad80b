"""What a recovery's fence is made of: gas that the chain takes, and only nonces that are still free."""

from dataclasses import dataclass, field, replace

import pytest
from django.utils import timezone
from rlp.codec import decode

from issuance import services
from issuance.chain import types as chain
from issuance.chain.permissions import FILL_GAS_MAX
from issuance.models import ChainTransaction, Recovery
from issuance.pipeline import advance, sign
from issuance.states import RecoveryCause
from tests.issuance.stage import NETWORK, Stage

GAS_FIELD = 4


@dataclass
class Thirsty:
    """A chain that wants ``need`` gas for an empty transfer, as where gas pays for data elsewhere."""

    node: chain.Chain
    need: int
    refused: list[str] = field(default_factory=list)

    def __getattr__(self, name: str):
        return getattr(self.node, name)

    def simulate(self, *, sender: str, to: str | None, data: bytes) -> int:
        estimate = self.node.simulate(sender=sender, to=to, data=data)
        return estimate if data else self.need

    def send(self, raw: bytes) -> chain.SendAnswer:
        gas = int.from_bytes(decode(raw[1:])[GAS_FIELD], "big")
        if gas < self.need:
            self.refused.append(f"{gas}")
            return chain.SendAnswer(chain.SendKind.GAS_TOO_LOW, "intrinsic gas too low")
        return self.node.send(raw)

    def send_many(self, raws):
        return [self.send(raw) for raw in raws]


@pytest.fixture(autouse=True)
def narrow(settings):
    """A small in-flight window, so that a fence is soon final."""
    settings.CHAIN_IN_FLIGHT_MAX = {NETWORK: 1}


def thirsty(stage: Stage, need: int) -> Thirsty:
    node = Thirsty(stage.node, need)
    stage.world = replace(stage.world, chain_for=lambda _: node)
    return node


def begin() -> None:
    services.begin_recovery(
        network=NETWORK, cause=RecoveryCause.OPERATOR, reason="as after one", now=timezone.now()
    )


def has_ended() -> bool:
    return Recovery.objects.get().status == "DONE"


def fills():
    return ChainTransaction.objects.filter(kind="FILL").order_by("signer", "nonce")


def test_a_recovery_ends_where_an_empty_transfer_needs_much_gas(ready):
    node = thirsty(ready, 150_000)
    begin()
    ready.until(has_ended)
    assert node.refused == []
    assert set(fills().values_list("gas_limit", flat=True)) == {187_500}


def test_a_recovery_ends_though_gas_rose_after_its_fence_was_signed(ready, monkeypatch):
    node = thirsty(ready, 21_000)
    begin()
    for _ in range(2):
        ready.anvil.automine(on=False)
        ready.tick()
    assert {row.attempts_signed.count() for row in fills()} == {1}
    for row in fills():
        ready.anvil.drop(row.attempts_signed.get().tx_hash)
    node.need = 150_000
    ready.anvil.automine(on=True)
    monkeypatch.setattr(advance, "BUMP_AFTER", advance.LOOK_EVERY * 0)
    monkeypatch.setattr(advance, "RESEND_AFTER", advance.LOOK_EVERY * 0)
    ready.until(has_ended)
    assert "60000" in node.refused
    assert set(fills().values_list("status", flat=True)) == {"FINAL_OK"}


@pytest.mark.parametrize(
    ("estimate", "gas"),
    [(21_000, 60_000), (150_000, 187_500), (1_900_000, FILL_GAS_MAX)],
    ids=["a plain chain", "a chain that charges for data", "no more than a key may spend"],
)
def test_an_empty_transfer_gets_what_it_needs_within_what_a_key_may_spend(ready, estimate, gas):
    node = Thirsty(ready.node, estimate)
    (address, *_) = ready.signers
    assert sign.fill_gas(node, address) == gas
