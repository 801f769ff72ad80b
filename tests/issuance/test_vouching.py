"""Issuance vouches for a fund when all its networks are open, and takes the word back in any doubt."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker
from core.units import parse_quantity
from custody import ledger
from custody import services as custody_services
from custody.models import Fund
from issuance import queries, services
from issuance.chain import token as calls
from issuance.chain.types import OrderItem
from issuance.chain.wallets import Wallet as Key
from issuance.models import NetworkGate
from issuance.pipeline import advance
from issuance.states import NetworkStatus, RecoveryCause
from tests.issuance.stage import CLIENT, NETWORK, TEST, let_pass, secret
from tests.issuance.test_cap_room import build
from tests.issuance.test_recovery import fail_over, gate

DAY = timedelta(days=1)


def known(fund):
    return ledger.are_claims_known(fund_id=fund.pk)


@pytest.mark.django_db
def test_a_fund_is_vouched_for_when_every_network_of_it_is_open():
    pair = build()
    fund = pair.paper.fund
    assert services.funds_in_doubt() == [fund.pk]
    gates = NetworkGate.objects.filter(network=pair.far.network)
    gates.update(status=NetworkStatus.RECOVERING)
    assert not services.vouch_for_fund(fund_id=fund.pk)
    gates.update(status=NetworkStatus.OPERATING)
    assert services.vouch_for_fund(fund_id=fund.pk)
    assert (services.funds_in_doubt(), known(fund)) == ([], True)


@pytest.mark.django_db
@pytest.mark.parametrize("cause", [RecoveryCause.FAILOVER, RecoveryCause.OPERATOR])
def test_whatever_begins_a_recovery_puts_the_networks_funds_in_doubt(cause):
    pair = build()
    fund = pair.paper.fund
    services.vouch_for_fund(fund_id=fund.pk)
    if cause == RecoveryCause.FAILOVER:
        NetworkGate.objects.filter(network=pair.far.network).update(mark="another history")
    services.begin_recovery(
        network=pair.far.network, cause=cause, reason="test", now=timezone.now()
    )
    assert not known(fund)
    assert not services.vouch_for_fund(fund_id=fund.pk)


@pytest.mark.django_db
def test_another_history_takes_the_word_back_before_anybody_has_noticed():
    pair = build()
    fund = pair.paper.fund
    services.vouch_for_fund(fund_id=fund.pk)
    Fund.objects.update(history_mark="7000000000000000001/00000001")
    assert not known(fund)
    assert services.funds_in_doubt() == [fund.pk]


def test_no_share_leaves_that_the_mint_of_a_lost_order_stands_for(ready, monkeypatch, settings):
    monkeypatch.setattr(advance, "DEATH_AFTER", timedelta(0))
    settings.CHAIN_IN_FLIGHT_MAX = {NETWORK: 2}
    ready.tick()
    lost = OrderItem(
        queries.last_onchain_id(token_id=ready.token.pk) + 1,
        ready.wallet.address,
        parse_quantity("900"),
    )
    Key(secret("ISSUER")).send(
        ready.node, to=ready.token.address, data=calls.encode_mint_batch([lost])
    )
    fail_over()
    Fund.objects.update(history_mark="7000000000000000001/00000001")
    # By our books all thousand shares are free.
    delivery = custody_services.request_delivery(
        institution_id=ready.institution.pk, investor_id=ready.investor.pk,
        symbol=ready.fund.symbol, quantity=parse_quantity("200"), participant="0123",
        destination_account="KELLER-01", actor=CLIENT, now=timezone.now(),
    )  # fmt: skip

    def leave():
        custody_services.begin_delivery_instruction(
            delivery=delivery, actor=TEST, now=timezone.now() + DAY
        )

    with pytest.raises(custody_services.ClaimsUnknown):
        leave()
    ready.tick()
    assert gate() == "RECOVERING"
    with pytest.raises(custody_services.ClaimsUnknown):
        leave()
    ready.until(recovered_with_a_persons_help)
    ready.tick()
    assert known(ready.fund)
    assert ready.reader.supply() == parse_quantity("900")
    with pytest.raises(custody_services.SharesClaimed):
        leave()


def recovered_with_a_persons_help():
    for halt in Breaker.objects.filter(status="OPEN"):
        let_pass(halt.name)
    return gate() == "OPERATING"
