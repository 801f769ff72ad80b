"""What a recovery's fence is made of: gas that the chain takes, and only nonces that are still free."""

from dataclasses import dataclass, field, replace

import pytest
from django.db import transaction
from django.utils import timezone
from rlp.codec import decode  # type: ignore[import-untyped]  # it ships no types

from core.models import Breaker
from issuance import services
from issuance.chain import types as chain
from issuance.chain.permissions import FILL_GAS_MAX
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import ChainTransaction, Fence, Recovery, Signer
from issuance.pipeline import advance, sign
from issuance.services import lanes, recoveries
from issuance.services.recoveries import USED_UP_MAX, WINDOWS
from issuance.states import ChainTransactionKind, RecoveryCause
from tests.issuance import paper as papers
from tests.issuance.stage import NETWORK, Stage, let_pass, secret
from tests.issuance.test_recovery import fail_over

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


def signed_while_gas_was_low(stage: Stage) -> Thirsty:
    """Every row of the fence has one form, with the least gas, and no node holds it."""
    node = thirsty(stage, 21_000)
    begin()
    for _ in range(2):
        stage.anvil.automine(on=False)
        stage.tick()
    assert {row.attempts_signed.count() for row in fills()} == {1}
    for row in fills():
        stage.anvil.drop(row.attempts_signed.get().tx_hash)
    return node


def test_a_recovery_ends_where_an_empty_transfer_needs_much_gas(ready):
    node = thirsty(ready, 150_000)
    begin()
    ready.until(has_ended)
    assert node.refused == []
    assert set(fills().values_list("gas_limit", flat=True)) == {187_500}


def test_a_recovery_ends_though_gas_rose_after_its_fence_was_signed(ready, monkeypatch):
    node = signed_while_gas_was_low(ready)
    node.need = 150_000
    ready.anvil.automine(on=True)
    monkeypatch.setattr(advance, "BUMP_AFTER", advance.LOOK_EVERY * 0)
    monkeypatch.setattr(advance, "RESEND_AFTER", advance.LOOK_EVERY * 0)
    ready.until(has_ended)
    assert "60000" in node.refused
    assert set(fills().values_list("status", flat=True)) == {"FINAL_OK"}


def test_the_next_of_a_lane_gets_dearer_before_what_is_in_a_block_is_final(ready, monkeypatch):
    """One finality for each row of a fence would keep a network shut for hours."""
    node = signed_while_gas_was_low(ready)
    node.need = 150_000
    monkeypatch.setattr(advance, "BUMP_AFTER", advance.LOOK_EVERY * 0)
    for blocks in (0, 1, 0, 0):
        ready.tick(blocks=blocks)
        ready.hurry()
    assert not fills().filter(status="FINAL_OK").exists()
    assert {row.attempts_signed.count() > 1 for row in fills()} == {True}


@pytest.mark.parametrize(
    ("estimate", "gas"),
    [(21_000, 60_000), (150_000, 187_500), (1_900_000, FILL_GAS_MAX)],
    ids=["a plain chain", "a chain that charges for data", "no more than a key may spend"],
)
def test_an_empty_transfer_gets_what_it_needs_within_what_a_key_may_spend(ready, estimate, gas):
    node = Thirsty(ready.node, estimate)
    (address, *_) = ready.signers
    assert sign.fill_gas(node, address) == gas


# --- how wide -----------------------------------------------------------------------------------


@dataclass
class Boastful:
    """A node that claims ``ahead`` more waiting nonces of every key than there are."""

    node: chain.Chain
    ahead: int

    def __getattr__(self, name: str):
        return getattr(self.node, name)

    def nonce(self, address: str, *, at: chain.BlockTag) -> int:
        return self.node.nonce(address, at=at) + (self.ahead if at == "pending" else 0)


@pytest.fixture
def slim(monkeypatch):
    """No fence of more than three rows."""
    monkeypatch.setattr(recoveries, "FENCE_ROWS_MAX", 3)


def lose(stage: Stage, count: int) -> str:
    """Transactions of the issuing key that a restored backup knows nothing of, final."""
    key = Key(secret("ISSUER"))
    for _ in range(count):
        key.send(stage.node, to=key.address, data=b"", gas=30_000)
    stage.anvil.mine(3)
    return key.address


def is_halted() -> bool:
    return Breaker.objects.filter(name=f"issuance.{NETWORK}", status="OPEN").exists()


def went_on(stage: Stage, address: str, *, first: int) -> None:
    """The recovery ended, with rows for nothing but what was free, and the network works."""
    stage.until(has_ended)
    rows = fills().filter(signer__address=address)
    assert list(rows.values_list("nonce", flat=True)) == list(range(first, first + WINDOWS))
    assert check_all() == []
    order = stage.order("10")
    stage.until(lambda: type(order).objects.get(pk=order.pk).status == "COMPLETED")
    assert stage.reader.supply() == order.quantity


@pytest.mark.usefixtures("slim")
def test_a_backup_far_behind_recovers_by_itself_once_what_it_lost_is_final(ready):
    address = lose(ready, 5)
    first = ready.node.nonce(address, at="latest")
    assert Signer.objects.get(address=address).next_nonce == first - 5
    fail_over()
    ready.tick()
    assert not is_halted()
    went_on(ready, address, first=first)


@pytest.mark.usefixtures("slim")
def test_nonces_that_only_wait_far_ahead_halt_first_and_closing_goes_on_with_the_truth(ready):
    address = lose(ready, 5)
    first = ready.node.nonce(address, at="latest")
    honest = ready.world
    ready.world = replace(honest, chain_for=lambda _: Boastful(ready.node, 10**9))
    fail_over()
    ready.tick()
    assert is_halted()
    let_pass(f"issuance.{NETWORK}")
    ready.tick()
    assert is_halted()
    assert not fills().exists()
    ready.world = honest
    let_pass(f"issuance.{NETWORK}")
    went_on(ready, address, first=first)


@pytest.mark.django_db
def test_finality_that_claims_more_than_a_key_can_ever_have_used_halts_too():
    paper = papers.build()
    begin()
    signer = papers.issuing_signer(paper.token)
    assert fence(signer, used_up=USED_UP_MAX + 1) is None
    assert is_halted()
    assert Signer.objects.get(pk=signer.pk).next_nonce == 0


def fence(signer: Signer, *, used_up: int) -> Fence | None:
    return services.raise_fence(
        recovery_id=Recovery.objects.get().pk,
        signer_id=signer.pk,
        seen=used_up,
        used_up=used_up,
        gas=60_000,
        now=timezone.now(),
    )


@pytest.mark.django_db(transaction=True)
def test_only_nonces_that_were_used_up_below_a_fence_may_be_missing():
    paper = papers.build()
    begin()
    signer = papers.issuing_signer(paper.token)
    fence(signer, used_up=0)
    fail_over()
    services.begin_recovery(
        network=NETWORK, cause=RecoveryCause.FAILOVER, reason="again", now=timezone.now()
    )
    fence(signer, used_up=20)
    assert list(fills().values_list("nonce", flat=True)) == [0, 1, 20, 21]
    assert check_all() == []
    # As if a bug had left out what nobody has used.
    Signer.objects.filter(pk=signer.pk).update(next_nonce=30)
    signer.refresh_from_db()
    call = lanes.Call(kind=ChainTransactionKind.FILL, data=b"", gas=60_000, to=signer.address)
    with transaction.atomic():
        lanes.number(signer=signer, token=paper.token, call=call, now=timezone.now())
    (found,) = check_all()
    assert (found.name, found.breaker) == ("nonces_have_no_gap", f"issuance.{NETWORK}")
    assert found.detail == f"{signer.address}: 22 is missing"
