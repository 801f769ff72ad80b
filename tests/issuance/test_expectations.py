"""What nobody announced halts the token, with a reason that says what happened."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker, Event
from issuance import queries, services
from issuance.chain import types as chain
from issuance.models import ChainCursor, Holder, TokenLog
from issuance.services import expectations
from issuance.services.escrow import FinalizedRange
from issuance.services.expectations import AnnouncementInvalid
from issuance.services.logbook import UNKNOWN
from tests.issuance import paper as papers
from tests.issuance.paper import ADDRESS, OTHER_ADDRESS
from tests.issuance.stage import OPERATOR

pytestmark = pytest.mark.django_db

BLOCK, TX = f"0x{'ab' * 32}", f"0x{'cd' * 32}"


def log_of(block):
    return chain.Log(
        address=OTHER_ADDRESS,
        topics=(),
        data=b"",
        block_number=block,
        block_hash=BLOCK,
        tx_hash=TX,
        index=0,
    )


def record(paper, make, *, block=None):
    """The follower finds one event in the next block."""
    cursor = ChainCursor.objects.get(token=paper.token)
    block = block or max(cursor.block, paper.token.deployed_block) + 1
    head = chain.Head(
        number=block, hash=BLOCK, parent_hash="", timestamp=1_800_000_000, base_fee=1, gas_limit=1
    )
    services.record_logs(
        token_id=paper.token.pk,
        found=FinalizedRange(
            first_block=cursor.block + 1, last=head, events=[make(log_of(block))], reserves=None
        ),
        now=timezone.now(),
    )


def halt(paper):
    name = queries.token_breaker(paper.token)
    row = Breaker.objects.filter(name=name, status="OPEN").first()
    return row.reason if row else ""


def announce(paper, *kinds, reason="planned", until=None, now=None):
    now = now or timezone.now()
    return services.announce_change(
        token_id=paper.token.pk,
        kinds=kinds,
        reason=reason,
        until=until or now + timedelta(days=1),
        actor=OPERATOR,
        now=now,
    )


UNANNOUNCED = [
    pytest.param(
        lambda log: chain.RoleChanged(log, "ISSUER", OTHER_ADDRESS, granted=True),
        "ROLE_CHANGED",
        f"role ISSUER given to {OTHER_ADDRESS}",
        id="role",
    ),
    pytest.param(
        lambda log: chain.MintLimitSet(log, OTHER_ADDRESS, 5),
        "MINT_LIMIT_SET",
        "mint limit",
        id="mint limit",
    ),
    pytest.param(
        lambda log: chain.OtherEvent(log, "Upgraded", {"implementation": OTHER_ADDRESS}),
        "UPGRADED",
        f"UPGRADED (implementation {OTHER_ADDRESS})",
        id="upgrade",
    ),
    pytest.param(
        lambda log: chain.OtherEvent(log, "ForcedTransfer", {"amount": "5"}),
        "FORCED_TRANSFER",
        "FORCED_TRANSFER (amount 5)",
        id="forced transfer",
    ),
    pytest.param(
        lambda log: chain.OrderRecovered(log, 10**6, ADDRESS, OTHER_ADDRESS, 0, 0),
        "ORDER_RECOVERED",
        f"the tokens of {ADDRESS} went to {OTHER_ADDRESS}",
        id="recovered wallet",
    ),
]
ALWAYS = [
    pytest.param(
        lambda log: chain.SplitScheduled(log, 10**18, 2 * 10**18, 1_900_000_000),
        "SPLIT_SCHEDULED",
        "one token stands for 2000000000000000000",
        id="split",
    ),
    pytest.param(
        lambda log: chain.Attested(log, OTHER_ADDRESS, 1, 1, "0x00"),
        "ATTESTED",
        "which is not the custodian's key",
        id="another attestor",
    ),
    pytest.param(
        lambda log: chain.OtherEvent(log, UNKNOWN),
        UNKNOWN,
        "an event that its code does not know",
        id="unknown event",
    ),
    pytest.param(
        lambda log: chain.OrderMinted(log, 10**6, OTHER_ADDRESS, 5),
        "ORDER_MINTED",
        "unexpected ORDER_MINTED",
        id="unknown mint",
    ),
    pytest.param(
        lambda log: chain.OrderBurned(log, 10**6, OTHER_ADDRESS, 5),
        "ORDER_BURNED",
        "unexpected ORDER_BURNED",
        id="unknown burn",
    ),
]


@pytest.mark.parametrize(("make", "kind", "reason"), [*UNANNOUNCED, *ALWAYS])
def test_what_nobody_announced_halts_the_token_and_says_what_it_was(make, kind, reason):
    paper = papers.build()
    record(paper, make)
    assert reason in halt(paper)
    assert TX in halt(paper)
    assert TokenLog.objects.filter(kind=kind).count() == 1


@pytest.mark.parametrize(("make", "kind", "reason"), UNANNOUNCED)
def test_an_announced_change_is_recorded_and_halts_nothing(make, kind, reason):
    paper = papers.build()
    announce(paper, kind)
    record(paper, make)
    assert halt(paper) == ""
    assert TokenLog.objects.get().kind == kind
    assert Event.objects.filter(type="announcement.made").count() == 1
    assert reason


@pytest.mark.parametrize(("make", "kind", "reason"), UNANNOUNCED[:3])
def test_the_creation_of_the_token_needs_no_announcement(make, kind, reason):
    paper = papers.build()
    record(paper, make, block=paper.token.deployed_block)
    assert halt(paper) == ""
    assert kind
    assert reason


def test_an_announcement_ends_and_covers_only_its_kinds():
    paper = papers.build()
    now = timezone.now()
    announce(paper, "ROLE_CHANGED", now=now - timedelta(days=2), until=now - timedelta(days=1))
    announce(paper, "UPGRADED")
    record(paper, lambda log: chain.RoleChanged(log, "ISSUER", OTHER_ADDRESS, granted=True))
    assert "role ISSUER" in halt(paper)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"kinds": []}, id="nothing"),
        pytest.param({"kinds": ["ORDER_MINTED"]}, id="a mint"),
        pytest.param({"kinds": ["UPGRADED"], "reason": ""}, id="no reason"),
        pytest.param({"kinds": ["UPGRADED"], "days": 31}, id="too far away"),
        pytest.param({"kinds": ["UPGRADED"], "days": -1}, id="in the past"),
    ],
)
def test_an_announcement_of_anything_else_is_refused(changes):
    paper = papers.build()
    days = changes.pop("days", 1)
    kinds = changes.pop("kinds")
    with pytest.raises(AnnouncementInvalid):
        announce(paper, *kinds, until=timezone.now() + timedelta(days=days), **changes)


def test_a_recovered_wallet_loses_its_permission_in_the_register_and_does_not_get_it_back():
    paper = papers.build()
    announce(paper, "ORDER_RECOVERED")
    record(paper, lambda log: chain.OrderRecovered(log, 10**6, ADDRESS, OTHER_ADDRESS, 0, 0))
    holder = Holder.objects.get()
    assert (holder.permitted, holder.wanted_permitted) == (False, False)
    changed = services.want_holders(
        token_id=paper.token.pk, wallets=[paper.wallet], lapsed=[], now=timezone.now()
    )
    assert changed == 0
    assert not Holder.objects.get().wanted_permitted


def test_a_recovery_that_uses_up_an_orders_id_halts_even_when_announced():
    paper = papers.build()
    order = paper.order()
    announce(paper, "ORDER_RECOVERED")
    record(
        paper,
        lambda log: chain.OrderRecovered(log, order.onchain_id, ADDRESS, OTHER_ADDRESS, 0, 0),
    )
    assert order.public_id in halt(paper)


def test_a_prepared_upgrade_lets_its_own_code_pass_and_no_other():
    paper = papers.build()
    announce(paper, expectations.upgrade_to(OTHER_ADDRESS))

    def upgraded(implementation, index):
        details = {"implementation": implementation}
        return lambda log: chain.OtherEvent(replace(log, index=index), "Upgraded", details)

    record(paper, upgraded(OTHER_ADDRESS, 0))
    assert halt(paper) == ""
    record(paper, upgraded(ADDRESS, 1))
    assert f"UPGRADED (implementation {ADDRESS})" in halt(paper)
