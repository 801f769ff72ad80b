"""The stage of issuance's tests with more institutions and wallets, all registered and attested."""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils import timezone

from config.devstack.anvil import Anvil
from crash.clients import holder_secret
from issuance.chain.wallets import Wallet as Key
from issuance.models import Holder, Order
from tests.custody import rows as custody_rows
from tests.issuance import stage as stages
from tests.issuance.stage import ETHER, Stage, approve, make_wallet

SHARES = "60"


@dataclass(frozen=True, slots=True)
class Scene:
    """The stage, and the same stage as each institution sees it with its holders' numbers."""

    stage: Stage
    clients: list[tuple[Stage, list[int]]]


def build_scene(chain: Anvil, *, institutions: int, holders: int) -> Scene:
    """A token in service, institutions with ``holders`` registered wallets and some shares each."""
    stage = stages.build(chain, SHARES)
    clients = []
    for number in range(institutions):
        view = stage if number == 0 else _newcomer(stage, number)
        keys = list(range(number * holders, (number + 1) * holders))
        for key in map(Key, map(holder_secret, keys)):
            chain.set_balance(key.address, 100 * ETHER)
            make_wallet(view.investor, key.address)
        clients.append((view, keys))
    stage.ready()
    wanted = institutions * holders
    stage.until(
        lambda: Holder.objects.filter(token=stage.token, status="REGISTERED").count() > wanted
    )
    stage.token.refresh_from_db()
    # One mint through everything, so that whoever is forked later has all of it in memory.
    first = stage.order("1")
    stage.until(lambda: Order.objects.get(pk=first.pk).status == "COMPLETED")
    return Scene(stage, clients)


def _newcomer(stage: Stage, number: int) -> Stage:
    institution = custody_rows.make_institution(f"Broker {number}")
    expiry = timezone.now() + timedelta(days=365)
    investor = custody_rows.make_investor(institution, kyc_expires_at=expiry)
    approve(investor)
    view = replace(stage, institution=institution, investor=investor)
    view.settle(SHARES)
    return view
