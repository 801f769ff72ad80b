"""A second chain beside a stage: another token of the same fund, and the investor's wallet there."""

from dataclasses import dataclass

from config.devstack.anvil import Anvil
from issuance.chain.client import ChainClient
from issuance.chain.token import TokenReader
from issuance.models import Holder, Token
from issuance.pipeline.world import World
from kyc.models import Wallet
from tests.issuance.stage import Stage, deploy, make_wallet, sign_figure

FAR = "far"
FAR_CHAIN_ID = 31_338


@dataclass
class FarSide:
    """The stage's fund on the other chain."""

    stage: Stage
    anvil: Anvil
    node: ChainClient
    token: Token
    wallet: Wallet

    @property
    def reader(self) -> TokenReader:
        return TokenReader(self.node, self.token.address)

    def ready(self) -> "FarSide":
        """Registered and attested on both chains, final."""
        self.stage.until(
            lambda: (
                Holder.objects.filter(status="REGISTERED").count() == 2
                and not Token.objects.filter(attested_units=0).exists()
            )
        )
        self.token.refresh_from_db()
        self.stage.token.refresh_from_db()
        return self


def add(stage: Stage, anvil: Anvil) -> FarSide:
    """Issue the stage's fund on ``anvil`` too; the stage's pipeline serves both from here on."""
    node = ChainClient(FAR, [anvil.url], anvil.chain_id)
    token, signers = deploy(anvil, node, stage.attestor, stage.fund, keys_of=" far")
    stage.signers |= signers
    nodes = {stage.token.network: stage.node, FAR: node}
    stage.world = World(
        chain_for=lambda network: nodes[network],
        key_for=lambda address: stage.signers[address],
        attest=lambda asked, request: sign_figure(stage.attestor, nodes[asked.network], request),
    )
    stage.other_chains.append(anvil)
    wallet = make_wallet(stage.investor, stage.wallet.address, network=FAR)
    return FarSide(stage, anvil, node, token, wallet)
