"""A T-REX 4.1.6 suite as published on npm, deployed on a test's own chain; nothing of it is ours."""

import time
from copy import copy
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

from bench.gas_peers import Sender, TRex
from config.devstack.anvil import Anvil
from issuance.chain.wallets import Wallet
from tests.issuance.kept import SECONDS_MAX, dumped, put_back


@dataclass(frozen=True)
class Suite:
    """One token of somebody else's, with the account that owns it and all its parts."""

    anvil: Anvil
    owner: Sender
    trex: TRex

    @property
    def address(self) -> str:
        return self.trex.address

    def on(self, anvil: Anvil) -> "Suite":
        """The same contracts on a copy of the chain."""
        owner, parts = Sender(anvil, self.owner.account), copy(self.trex)
        parts._owner = owner
        return Suite(anvil, owner, parts)

    def call(self, signature: str, *values: object) -> None:
        """The owner calls the token; it must succeed."""
        self.owner.call(self.address, signature, *values)

    def appoint(self, *agents: str) -> None:
        """Make accounts agents of the token."""
        for agent in agents:
            self.call("addAgent(address)", agent)

    def verify(self, *accounts: str) -> None:
        """Identity, claim and a place in the registry for accounts; Switzerland."""
        self.trex.onboard(accounts)

    def struck(self, account: str) -> str:
        """The registry's calldata that takes an account off."""
        selector = function_signature_to_4byte_selector("deleteIdentity(address)")
        return f"0x{(selector + encode(['address'], [account])).hex()}"

    def replacement_compliance(self) -> str:
        """Another compliance contract of the same make, without any rule."""
        return self.trex.create_compliance()

    def strike(self, account: str) -> None:
        """Take an account off the registry."""
        self.owner.call(self.trex.registry, "deleteIdentity(address)", account)


_kept: list[tuple[Suite, str, float]] = []


def deploy(anvil: Anvil) -> Suite:
    """The first on a fresh chain; it is made once in a process and put back for other tests."""
    assert anvil.block_number() == 0
    now = time.monotonic()
    for suite, chain, made_at in _kept:
        if now - made_at <= SECONDS_MAX:
            put_back(anvil, chain)
            return suite.on(anvil)
    owner = Sender(anvil, anvil.accounts()[0])
    made = Suite(anvil, owner, TRex(owner))
    _kept[:] = [(made, dumped(anvil), now)]
    return made


def wallet(anvil: Anvil, key: bytes) -> Wallet:
    """A funded account."""
    made = Wallet(key)
    anvil.set_balance(made.address, 100 * 10**18)
    return made
