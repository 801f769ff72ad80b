"""The judge's eye for a halt: what is numbered under one is found, the cure of a cap is not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import services as core_services
from core.models import Breaker
from crash.books import Books
from custody.models import Attestation
from issuance import queries
from issuance.models import ChainTransaction
from tests.issuance import paper as papers
from tests.issuance.stage import TEST
from tests.issuance.test_states import make_transaction

SLACK_SECONDS = 8.0
MINED = {"status": "FINAL_OK", "include_block": 1, "include_hash": "0x2"}


@pytest.fixture
def halted(process_env):
    """A token whose cap is 100 at finality and that was halted a minute ago, and the judge's books."""
    paper = papers.build()
    relay(paper, 100, **MINED)
    core_services.halt(
        name=f"issuance.anvil.{paper.token.symbol}", reason="drill", actor=TEST, now=timezone.now()
    )
    Breaker.objects.update(opened_at=timezone.now() - timedelta(minutes=1))
    ChainTransaction.objects.update(created_at=timezone.now() - timedelta(hours=1))
    books = Books(process_env["DATABASE_URL"])
    yield paper, books
    books.forget_connection()


def relay(paper, shares, **changes):
    now = timezone.now()
    figure = Attestation.objects.create(
        created_at=now,
        token_id=paper.token.pk,
        fund=paper.fund,
        custodian=paper.account.custodian,
        shares=shares,
        as_of=now,
        report="",
        report_hash="0x",
        signature="0x",
        signer_address="0x",
    )
    nonce = ChainTransaction.objects.count()
    return make_transaction(paper.token, nonce, kind="ATTEST", attestation_id=figure.pk, **changes)


def found(books):
    return books.signed_while_halted(SLACK_SECONDS)


def test_an_attestation_that_lowers_the_cap_goes_on_during_a_halt(halted):
    paper, books = halted
    relay(paper, 90)
    assert found(books) == 0


@pytest.mark.parametrize("shares", [100, 110], ids=["the same", "more"])
def test_an_attestation_that_does_not_lower_the_cap_is_found(halted, shares):
    paper, books = halted
    relay(paper, shares)
    assert found(books) == 1


def test_an_attestation_is_measured_by_the_newest_that_the_chain_took(halted):
    paper, books = halted
    relay(paper, 80, **MINED)
    relay(paper, 200, **MINED | {"status": "FINAL_REVERTED"})
    assert found(books) == 1
    relay(paper, 90)
    assert found(books) == 2


def test_a_mint_numbered_during_a_halt_is_found(halted):
    paper, books = halted
    make_transaction(paper.token, 7)
    assert found(books) == 1


def test_a_fence_goes_up_during_a_tokens_halt_and_not_during_its_networks(halted):
    paper, books = halted
    make_transaction(paper.token, 7, kind="FILL")
    assert found(books) == 0
    Breaker.objects.update(name=queries.network_breaker(paper.token.network))
    assert found(books) == 1


KINDS = ["MINT", "BURN", "CANCEL_REDEEM", "REGISTER", "FREEZE", "PAUSE"]


@pytest.mark.parametrize("kind", KINDS, ids=str.lower)
def test_everything_else_is_found_during_either_halt(halted, kind):
    paper, books = halted
    make_transaction(paper.token, 7, kind=kind)
    assert found(books) == 1
    Breaker.objects.update(name=queries.network_breaker(paper.token.network))
    assert found(books) == 1


def test_the_halt_of_another_token_or_network_is_nothing_to_a_transaction(halted):
    paper, books = halted
    make_transaction(paper.token, 7)
    for name in (f"issuance.far.{paper.token.symbol}", "issuance.anvil.sFBTC", "issuance.far"):
        Breaker.objects.update(name=name)
        assert found(books) == 0, name


def test_nothing_numbered_before_the_halt_or_in_its_first_moment_is_found(halted):
    paper, books = halted
    opened = Breaker.objects.get().opened_at
    assert opened is not None
    make_transaction(paper.token, 7, created_at=opened - timedelta(seconds=1))
    make_transaction(paper.token, 8, created_at=opened + timedelta(seconds=SLACK_SECONDS - 1))
    assert found(books) == 0


def test_a_nonce_is_worked_on_until_its_transaction_has_ended(halted):
    paper, books = halted
    row = relay(paper, 90)
    assert books.works_on(row.signer.address, row.nonce)
    assert not books.works_on(row.signer.address, row.nonce + 1)
    ChainTransaction.objects.filter(pk=row.pk).update(status="DEAD")
    assert not books.works_on(row.signer.address, row.nonce)
