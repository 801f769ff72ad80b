"""What nobody announced halts the token, with a reason that says what happened."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker, Event
from issuance import queries, services
from issuance.chain import roles
from issuance.chain import types as chain
from issuance.models import Announcement, ChainCursor, Holder, TokenLog
from issuance.services.announced import AnnouncementInvalid, AnnouncementVague, upgrade_to
from issuance.services.escrow import FinalizedRange
from issuance.services.logbook import UNKNOWN
from tests.issuance import paper as papers
from tests.issuance.paper import ADDRESS, OTHER_ADDRESS
from tests.issuance.stage import OPERATOR

pytestmark = pytest.mark.django_db

OWN_ADDRESS = "0x" + "77" * 20
UPGRADE = f"UPGRADED:{OTHER_ADDRESS}"
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


def agent_added(log, account):
    topics = (f"0x{'aa' * 32}", f"0x{'00' * 12}{account[2:]}")
    return chain.RulesChanged(replace(log, topics=topics), "AgentAdded")


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
        f"ROLE_CHANGED:GIVEN:issuer:{OTHER_ADDRESS}",
        f"role ISSUER given to {OTHER_ADDRESS}",
        id="role",
    ),
    pytest.param(
        lambda log: chain.MintLimitSet(log, OTHER_ADDRESS, 5 * 10**18),
        f"MINT_LIMIT_SET:{OTHER_ADDRESS}:5.0",
        "mint limit",
        id="mint limit",
    ),
    pytest.param(
        lambda log: chain.OtherEvent(log, "Upgraded", {"implementation": OTHER_ADDRESS}),
        f"UPGRADED:{OTHER_ADDRESS}",
        f"UPGRADED (implementation {OTHER_ADDRESS})",
        id="upgrade",
    ),
    pytest.param(
        lambda log: chain.OtherEvent(
            log, "ForcedTransfer", {"from": ADDRESS, "to": OTHER_ADDRESS, "amount": "5"}
        ),
        f"FORCED_TRANSFER:{ADDRESS}:{OTHER_ADDRESS}",
        f"FORCED_TRANSFER (from {ADDRESS}, to {OTHER_ADDRESS}, amount 5)",
        id="forced transfer",
    ),
    pytest.param(
        lambda log: chain.OrderRecovered(log, 10**6, ADDRESS, OTHER_ADDRESS, 0, 0),
        f"ORDER_RECOVERED:{ADDRESS}:{OTHER_ADDRESS}",
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
    assert TokenLog.objects.filter(kind=kind.partition(":")[0]).count() == 1


@pytest.mark.parametrize(("make", "kind", "reason"), UNANNOUNCED)
def test_an_announced_change_is_recorded_and_halts_nothing(make, kind, reason):
    paper = papers.build()
    announce(paper, kind)
    record(paper, make)
    assert halt(paper) == ""
    assert TokenLog.objects.get().kind == kind.partition(":")[0]
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
    given = f"ROLE_CHANGED:GIVEN:ISSUER:{OTHER_ADDRESS}"
    announce(paper, given, now=now - timedelta(days=2), until=now - timedelta(days=1))
    announce(paper, f"UPGRADED:{OTHER_ADDRESS}")
    record(paper, lambda log: chain.RoleChanged(log, "ISSUER", OTHER_ADDRESS, granted=True))
    assert "role ISSUER" in halt(paper)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"kinds": []}, id="nothing"),
        pytest.param({"kinds": ["ORDER_MINTED"]}, id="a mint"),
        pytest.param({"kinds": [f"ORDER_MINTED:{OTHER_ADDRESS}"]}, id="a mint to somebody"),
        pytest.param({"kinds": [UPGRADE], "reason": ""}, id="no reason"),
        pytest.param({"kinds": [UPGRADE], "days": 31}, id="too far away"),
        pytest.param({"kinds": [UPGRADE], "days": -1}, id="in the past"),
    ],
)
def test_an_announcement_of_anything_else_is_refused(changes):
    paper = papers.build()
    days = changes.pop("days", 1)
    kinds = changes.pop("kinds")
    with pytest.raises(AnnouncementInvalid):
        announce(paper, *kinds, until=timezone.now() + timedelta(days=days), **changes)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("ROLE_CHANGED", id="any change of roles"),
        pytest.param(f"ROLE_CHANGED:ISSUER:{OTHER_ADDRESS}", id="given or taken"),
        pytest.param(f"ROLE_CHANGED:LENT:ISSUER:{OTHER_ADDRESS}", id="neither given nor taken"),
        pytest.param("ROLE_CHANGED:GIVEN:ISSUER", id="a role for anybody"),
        pytest.param(f"ROLE_CHANGED:GIVEN:{OTHER_ADDRESS}", id="any role for an account"),
        pytest.param(f"ROLE_CHANGED:GIVEN:OWNER:{OTHER_ADDRESS}", id="a role that is none"),
        pytest.param("ROLE_CHANGED:GIVEN:ISSUER:0x12", id="an account that is none"),
        pytest.param(f"ROLE_CHANGED:GIVEN:ISSUER:{OTHER_ADDRESS}:", id="more than one thing"),
        pytest.param("UPGRADED", id="any code"),
        pytest.param("MINT_LIMIT_SET", id="any limit"),
        pytest.param(f"MINT_LIMIT_SET:{OTHER_ADDRESS}", id="any limit of an issuer"),
        pytest.param(f"MINT_LIMIT_SET:{OTHER_ADDRESS}:-1", id="a limit that is none"),
        pytest.param("FORCED_TRANSFER", id="any forced transfer"),
        pytest.param(f"ORDER_RECOVERED:{OTHER_ADDRESS}", id="a recovery to anybody"),
        pytest.param("RULES_CHANGED", id="any rule"),
        pytest.param("RULES_CHANGED:AgentAdded", id="any agent"),
        pytest.param(f"RULES_CHANGED:Paused:{OTHER_ADDRESS}", id="a pause of an account"),
        pytest.param("RULES_CHANGED:Minted", id="a rule that is none"),
    ],
)
def test_an_announcement_that_names_nothing_exact_is_refused(kind):
    paper = papers.build()
    with pytest.raises(AnnouncementVague):
        announce(paper, kind)
    with pytest.raises(AnnouncementVague):
        announce(paper, UPGRADE, kind)
    assert not Announcement.objects.exists()


ELSE = [
    pytest.param(
        lambda log: chain.RoleChanged(log, "ISSUER", ADDRESS, granted=True), id="another account"
    ),
    pytest.param(
        lambda log: chain.RoleChanged(log, "ADMIN", OTHER_ADDRESS, granted=True), id="another role"
    ),
    pytest.param(
        lambda log: chain.RoleChanged(log, "ISSUER", OTHER_ADDRESS, granted=False),
        id="the role taken instead",
    ),
    pytest.param(
        lambda log: chain.RoleChanged(log, f"0x{'77' * 32}", OTHER_ADDRESS, granted=True),
        id="a role that is not ours",
    ),
    pytest.param(
        lambda log: chain.MintLimitSet(log, OTHER_ADDRESS, 6 * 10**18), id="another limit"
    ),
    pytest.param(
        lambda log: chain.OrderRecovered(log, 10**6, ADDRESS, OWN_ADDRESS, 0, 0),
        id="a recovery to another wallet",
    ),
    pytest.param(
        lambda log: chain.OtherEvent(log, "ForcedTransfer", {"from": ADDRESS, "to": OWN_ADDRESS}),
        id="a forced transfer to another wallet",
    ),
    pytest.param(lambda log: agent_added(log, OWN_ADDRESS), id="another agent"),
    pytest.param(lambda log: chain.RulesChanged(log, "Unpaused"), id="another rule"),
]


@pytest.mark.parametrize("make", ELSE)
def test_what_is_announced_hides_no_other_change_of_its_kind(make):
    paper = papers.build()
    announce(
        paper,
        f"ROLE_CHANGED:GIVEN:ISSUER:{OTHER_ADDRESS}",
        f"MINT_LIMIT_SET:{OTHER_ADDRESS}:5",
        f"ORDER_RECOVERED:{ADDRESS}:{OTHER_ADDRESS}",
        f"FORCED_TRANSFER:{ADDRESS}:{OTHER_ADDRESS}",
        f"RULES_CHANGED:AgentAdded:{OTHER_ADDRESS}",
        "RULES_CHANGED:Paused",
    )
    record(paper, make)
    assert "which nobody announced" in halt(paper)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda log: agent_added(log, OTHER_ADDRESS), id="agent"),
        pytest.param(lambda log: chain.RulesChanged(log, "Paused"), id="pause"),
    ],
)
def test_an_announced_rule_of_an_attached_token_halts_nothing(make):
    paper = papers.build()
    announce(paper, f"RULES_CHANGED:AgentAdded:{OTHER_ADDRESS}", "RULES_CHANGED:Paused")
    record(paper, make)
    assert halt(paper) == ""


def test_an_announcement_of_before_that_named_no_one_change_lets_nothing_pass():
    paper = papers.build()
    row = announce(paper, UPGRADE)
    Announcement.objects.filter(pk=row.pk).update(kinds=["ROLE_CHANGED", "UPGRADED"])
    record(paper, lambda log: chain.RoleChanged(log, "ISSUER", OTHER_ADDRESS, granted=True))
    assert "role ISSUER" in halt(paper)


def test_a_role_is_announced_by_its_name_or_its_hash():
    paper = papers.build()
    by_hash = f"ROLE_CHANGED:GIVEN:0x{roles.PAUSER.hex().upper()}:{OTHER_ADDRESS.lower()}"
    row = announce(paper, by_hash, f"ROLE_CHANGED:GIVEN:PAUSER:{OTHER_ADDRESS}")
    assert row.kinds == [f"ROLE_CHANGED:GIVEN:PAUSER:{OTHER_ADDRESS.lower()}"]


def test_a_recovered_wallet_loses_its_permission_in_the_register_and_does_not_get_it_back():
    paper = papers.build()
    announce(paper, f"ORDER_RECOVERED:{ADDRESS}:{OTHER_ADDRESS}")
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
    announce(paper, f"ORDER_RECOVERED:{ADDRESS}:{OTHER_ADDRESS}")
    record(
        paper,
        lambda log: chain.OrderRecovered(log, order.onchain_id, ADDRESS, OTHER_ADDRESS, 0, 0),
    )
    assert order.public_id in halt(paper)


def test_a_prepared_upgrade_lets_its_own_code_pass_and_no_other():
    paper = papers.build()
    announce(paper, upgrade_to(OTHER_ADDRESS))

    def upgraded(implementation, index):
        details = {"implementation": implementation}
        return lambda log: chain.OtherEvent(replace(log, index=index), "Upgraded", details)

    record(paper, upgraded(OTHER_ADDRESS, 0))
    assert halt(paper) == ""
    record(paper, upgraded(ADDRESS, 1))
    assert f"UPGRADED (implementation {ADDRESS})" in halt(paper)
