"""A deployment's keys, settings and chain, and the commands that people run at it."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.devstack.launch import BlocksOnDemand
from issuance.chain import registry
from issuance.chain.address_book import AddressBook
from issuance.chain.keystore import read_keystore
from issuance.chain.wallets import Wallet
from issuance.pipeline.launch import signers_of
from tests.issuance.stage import NETWORK, secret

PASSWORD = "correct horse"


def run(command, **options):
    said = StringIO()
    call_command(command, stdout=said, **options)
    return json.loads(said.getvalue())


def refusal(command, **options):
    with pytest.raises(CommandError) as refused:
        run(command, **options)
    return str(refused.value)


class Site:
    """A deployment's keys, settings and chain; nothing deployed yet."""

    def __init__(self, anvil, fund, tmp_path):
        self.anvil, self.symbol, self.keys_dir = anvil, fund.symbol, tmp_path
        self.waiting = BlocksOnDemand(anvil.url)
        self.options = {"fund": fund.symbol, "network": NETWORK, "stderr": self.waiting}
        self.proposer, self.executor = Wallet(secret("proposer")), Wallet(secret("executor"))
        for wallet in (self.proposer, self.executor):
            anvil.set_balance(wallet.address, 10**20)
        for address in run("create_signers", network=NETWORK).values():
            anvil.set_balance(address, 10**20)
        self.node = registry.client_for(NETWORK)

    @property
    def book(self):
        return AddressBook(self.keys_dir / "addresses")

    def entry(self):
        return self.book.entry(chain_id=self.node.chain_id, symbol=f"s{self.symbol}")

    def deployer(self):
        address = signers_of(self.node.chain_id)["DEPLOYER"]
        return Wallet(read_keystore(self.keys_dir, address, password=PASSWORD))

    def deployments(self):
        """How many transactions the deployer has sent."""
        return self.node.nonce(self.deployer().address, at="latest")

    def send(self, wallet, to, data):
        tx_hash = wallet.send(self.node, to=to, data=data)
        while (receipt := self.node.receipt(tx_hash)) is None:
            pass
        assert receipt.succeeded
