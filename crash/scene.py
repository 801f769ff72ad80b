"""The stage of issuance's tests with more wallets, registered and attested before the storm."""

from config.devstack.anvil import Anvil
from crash.clients import holder_secret
from issuance.chain.wallets import Wallet as Key
from issuance.models import Holder
from tests.issuance import stage as stages
from tests.issuance.stage import ETHER, Stage, make_wallet

SHARES = "100"


def build_scene(chain: Anvil, *, holders: int) -> Stage:
    """A token in service, ``holders`` registered wallets and some settled shares."""
    stage = stages.build(chain, SHARES)
    for number in range(holders):
        key = Key(holder_secret(number))
        chain.set_balance(key.address, 100 * ETHER)
        make_wallet(stage.investor, key.address)
    stage.ready()
    stage.until(
        lambda: Holder.objects.filter(token=stage.token, status="REGISTERED").count() > holders
    )
    stage.token.refresh_from_db()
    return stage
