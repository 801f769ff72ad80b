"""What each wallet held at a finalized moment, from the token's events alone."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from core.events import format_time
from core.models import Breaker
from core.units import format_quantity, parse_quantity
from issuance import queries, services
from issuance.chain import token as calls
from issuance.chain.rebuild import OrderOutcome, rebuild
from issuance.chain.wallets import Wallet as Key
from issuance.models import ChainCursor, Holder, Holding, Order, Signer, TokenLog
from issuance.states import OrderType
from tests.core.conftest import make_client
from tests.custody import rows as custody_rows
from tests.issuance import paper as papers
from tests.issuance.stage import ETHER, TEST, make_wallet, secret


def status(order):
    return Order.objects.get(pk=order.pk).status


def done(stage, order):
    stage.until(lambda: status(order) == "COMPLETED")


def ask(stage, **query):
    client = make_client(stage.institution)
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return client.get(f"/v1/holders?{text}")


def history(stage):
    """Mints, a transfer, an escrow, a burn, partial and whole freezes and a recovered wallet."""
    other = Key(secret("second wallet"))
    stage.anvil.set_balance(other.address, 100 * ETHER)
    make_wallet(stage.investor, other.address)
    stage.until(lambda: Holder.objects.filter(status="REGISTERED").count() == 2)
    services.announce_change(
        token_id=stage.token.pk,
        kinds=[f"ORDER_RECOVERED:{other.address}:{stage.wallet.address}"],
        reason="a holder lost a key",
        until=timezone.now() + timedelta(days=1),
        actor=TEST,
        now=timezone.now(),
    )
    done(stage, stage.order("100"))
    move = calls.encode_transfer(to=other.address, amount=parse_quantity("30"))
    stage.holder_key.send(stage.node, to=stage.token.address, data=move)
    for order in (stage.order("5", OrderType.REDEEM), stage.order("7", OrderType.REDEEM)):
        stage.holder_key.request_redeem(
            stage.node,
            contract=stage.token.address,
            order_id=order.onchain_id,
            amount=order.quantity,
        )
    return other


def compliance(stage, data):
    """As an operator's own use of the compliance key: its nonce is accounted for."""
    Key(secret("COMPLIANCE")).send(stage.node, to=stage.token.address, data=data)
    Signer.objects.filter(role="COMPLIANCE").update(next_nonce=F("next_nonce") + 1)


def test_the_register_at_every_block_is_what_the_logs_alone_say(ready):
    other = history(ready)
    frozen = parse_quantity("40")
    compliance(ready, calls.encode_set_frozen_tokens(account=other.address, amount=frozen))
    compliance(ready, calls.encode_set_address_frozen(account=other.address, frozen=True))
    ready.until(lambda: Order.objects.filter(type="REDEEM", status="COMPLETED").count() == 2)
    ready.tick(blocks=3)
    ready.tick()
    last = ChainCursor.objects.get(token=ready.token).block
    logs = ready.node.logs(address=ready.token.address, first=0, last=last)
    assert {log.block_number for log in logs}
    for block in sorted({log.block_number for log in logs} | {last}):
        told = rebuild(ready.token.address, [log for log in logs if log.block_number <= block])
        answer = ask(ready, as_of=block, token_id=ready.token.public_id)
        assert answer.status_code == 200, answer.content
        shown = {each["address"]: each["holding"] for each in answer.json()["data"]}
        for address in (ready.wallet.address, other.address):
            holder = told.holder(address)
            escrowed = sum(
                order.amount
                for order in told.orders.values()
                if order.account == address and order.outcome is OrderOutcome.IN_ESCROW
            )
            assert shown[address]["balance"] == format_quantity(holder.balance), block
            assert shown[address]["frozen"] == format_quantity(holder.frozen_amount), block
            assert shown[address]["is_frozen"] == holder.frozen, block
            assert shown[address]["escrowed"] == format_quantity(escrowed), block
    assert Holding.objects.filter(frozen=True).exists()
    snapshot = queries.latest_snapshot(token_id=ready.token.pk)
    assert snapshot is not None
    assert snapshot.supply == parse_quantity("88")
    assert not Breaker.objects.filter(status="OPEN").exists()


def test_a_time_means_the_newest_final_block_at_or_before_it(ready):
    before = timezone.now()
    order = ready.order("10")
    done(ready, order)
    ready.tick(blocks=3)
    ready.tick()
    mint = Holding.objects.get(account=ready.wallet.address)
    at = ask(ready, as_of=format_time(mint.block_time)).json()["data"][0]["holding"]
    earlier = mint.block_time - timedelta(seconds=1)
    just_before = ask(ready, as_of=format_time(earlier)).json()["data"][0]["holding"]
    assert (at["balance"], at["block"]) == ("10", mint.block)
    assert (just_before["balance"], just_before["block"]) == ("0", None)
    assert before < timezone.now()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "status_code", "code"),
    [
        pytest.param({"as_of": "10", "token": True}, 409, "as_of_not_final", id="above the cursor"),
        pytest.param({"as_of": "2999-01-01T00:00:00Z"}, 409, "as_of_not_final", id="in the future"),
        pytest.param({"as_of": "0"}, 422, "as_of_needs_token", id="a block of which chain"),
        pytest.param({"as_of": "yesterday"}, 400, "field_invalid", id="no moment"),
        pytest.param({"as_of": "2026-01-01T00:00:00"}, 400, "field_invalid", id="no zone"),
    ],
)
def test_a_moment_that_is_not_final_or_not_clear_is_refused(query, status_code, code):
    paper = papers.build()
    if query.pop("token", False):
        query["token_id"] = paper.token.public_id
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = paper.api.get(f"/v1/holders?{text}")
    assert (answer.status_code, answer.json()["code"]) == (status_code, code)


@pytest.mark.django_db
def test_another_institution_sees_nothing_of_the_register():
    paper = papers.build()
    stranger = make_client(custody_rows.make_institution("Other Broker"))
    answer = stranger.get(f"/v1/holders?as_of=0&token_id={paper.token.public_id}")
    assert answer.json()["data"] == []


@pytest.mark.django_db
def test_without_a_moment_nothing_is_said_of_holdings():
    paper = papers.build()
    assert paper.api.get("/v1/holders").json()["data"][0]["holding"] is None


def test_every_event_of_the_token_is_recorded_by_its_own_name(ready):
    done(ready, ready.order("10"))
    ready.tick(blocks=3)
    ready.tick()
    kinds = set(TokenLog.objects.values_list("kind", flat=True))
    assert "OTHER" not in kinds
    assert {"ROLE_CHANGED", "INITIALIZED", "UPGRADED", "MINT_LIMIT_SET", "ATTESTED"} <= kinds
    upgrade = TokenLog.objects.get(kind="UPGRADED")
    assert upgrade.details["implementation"].startswith("0x")
