"""A reader with nothing but the token's logs knows every order and every holder exactly."""

import random
from dataclasses import asdict, replace

import pytest

from issuance.chain import roles, token
from issuance.chain.errors import CallReverted
from issuance.chain.events import decode_event
from issuance.chain.rebuild import LogsInconsistent, OrderOutcome, rebuild
from issuance.chain.types import HolderEntry, OrderItem, OrderMinted, Transferred
from issuance.chain.wallets import Wallet
from tests.issuance.chain.conftest import CHINA, ETHER, HONG_KONG, SHARE, SWITZERLAND, YEAR, key

STEPS = 140
IDS = 40
SEED = 20261122


class History:
    """Everybody doing anything, allowed or not; a refusal leaves no log and is no matter."""

    def __init__(self, world, seed):
        self.world = world
        self.random = random.Random(seed)
        self.people = [Wallet(key(f"person {n}")) for n in range(7)]
        for person in self.people:
            world.anvil.set_balance(person.address, 100 * ETHER)
        self.requests = []
        self.steps = {
            "mint": 8,
            "transfer": 5,
            "request": 6,
            "settle": 6,
            "freeze": 2,
            "force": 2,
            "recover": 2,
            "stand": 3,
            "restrict": 1,
            "attest": 2,
            "split": 1,
            "limit": 1,
            "issuers": 1,
        }
        self.done = dict.fromkeys(self.steps, 0)

    def run(self, count):
        """So many steps, then more of those that were always refused, until each has happened."""
        names = [*self.steps]
        for name in self.random.choices(names, weights=[*self.steps.values()], k=count):
            self.attempt(name)
        for _ in range(count):
            missing = [name for name in names if not self.done[name]]
            if not missing:
                return
            for name in (*missing, "mint", "request"):
                self.attempt(name)
        raise AssertionError(self.done)

    def attempt(self, name):
        try:
            getattr(self, name)()
        except CallReverted:
            return
        self.done[name] += 1

    def person(self):
        return self.random.choice(self.people)

    def number(self):
        return self.random.randrange(IDS)

    def amount(self, most=20):
        return self.random.randrange(most * SHARE)

    def compliance(self, data):
        self.world.run(self.world.compliance, data)

    def mint(self):
        count = self.random.randrange(1, 5)
        ids = self.random.sample(range(IDS), count)
        self.world.mint(*[(n, self.person(), self.amount()) for n in ids])

    def transfer(self):
        data = token.encode_transfer(to=self.person().address, amount=self.amount(5))
        self.world.run(self.person(), data)

    def request(self):
        number, person = self.number(), self.person()
        data = token.encode_request_redeem(order_id=number, amount=self.amount(8))
        self.world.run(person, data)
        self.requests.append((number, person.address))

    def settle(self):
        number, account = self.random.choice(self.requests or [(1, self.people[0].address)])
        held = self.world.reader.redemption(order_id=number, holder=account)
        burn = token.encode_burn_order(OrderItem(number, account, held))
        back = token.encode_cancel_redeem(order_id=number, holder=account)
        self.world.run(self.world.issuer, self.random.choice([burn, back]))

    def freeze(self):
        person = self.person().address
        self.compliance(
            self.random.choice(
                [
                    token.encode_set_frozen_tokens(account=person, amount=self.amount(9)),
                    token.encode_set_address_frozen(account=person, frozen=True),
                    token.encode_set_address_frozen(account=person, frozen=False),
                    token.encode_batch_set_address_frozen(
                        {p.address: p.address == person for p in self.people[:3]}
                    ),
                ]
            )
        )

    def force(self):
        sender, receiver = self.person().address, self.person().address
        move = token.encode_forced_transfer(sender=sender, receiver=receiver, amount=self.amount(4))
        self.compliance(move)

    def recover(self):
        lost, account = self.person().address, self.person().address
        self.compliance(token.encode_recover(order_id=self.number(), lost=lost, account=account))

    def stand(self):
        entries = [
            HolderEntry(
                person.address,
                self.random.choice([SWITZERLAND, SWITZERLAND, HONG_KONG, CHINA]),
                self.world.now() + self.random.choice([YEAR, 2 * YEAR]),
                permitted=self.random.random() < 0.9,
                protocol=self.random.random() < 0.1,
            )
            for person in self.random.sample(self.people, 3)
        ]
        self.compliance(token.encode_set_holders(entries))

    def restrict(self):
        restricted = self.random.random() < 0.4
        self.compliance(token.encode_set_restricted([HONG_KONG], restricted=restricted))

    def attest(self):
        self.world.attest(self.random.randrange(2_000) * SHARE, as_of=self.world.now())

    def split(self):
        when = self.world.now() + 5
        multiplier = self.random.choice([2, 3, 1]) * SHARE // self.random.choice([1, 2])
        data = token.encode_set_ui_multiplier(multiplier=multiplier, effective_at=when)
        self.world.run(self.world.admin, data)
        if self.random.random() < 0.5:
            self.world.anvil.increase_time(10)
            self.world.anvil.mine()

    def limit(self):
        issuer = self.world.issuer.address
        data = token.encode_set_mint_limit(issuer=issuer, limit=10**9 * SHARE + self.amount())
        self.world.run(self.world.admin, data)

    def issuers(self):
        encode = self.random.choice([token.encode_grant_role, token.encode_revoke_role])
        self.world.run(self.world.admin, encode(role=roles.ISSUER, account=self.people[0].address))


def all_logs(world):
    return world.client.logs(
        address=world.address,
        first=world.deployment.block_number,
        last=world.client.head().number,
    )


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_logs_alone_give_every_order_and_holder_of_a_random_history(open_world, seed):
    world = open_world
    world.anvil.set_balance(world.compliance.address, 1_000 * ETHER)
    history = History(world, seed)
    world.register(*history.people)
    history.run(STEPS)
    register = rebuild(world.address, all_logs(world))
    accounts = {p.address for p in history.people} | {world.alice.address, world.bob.address}
    accounts.add(world.address)
    assert set(register.holders) <= accounts
    for account in accounts:
        assert asdict(register.holder(account)) == asdict(world.reader.holder(account))
    reserves = world.reader.reserves()
    assert (register.supply, register.cap) == (reserves.supply, reserves.cap)
    assert register.attested_as_of == reserves.as_of
    for number in range(IDS):
        assert (number in register.executed) == world.reader.is_executed(number)
        for account in accounts:
            order = register.orders.get((number, account))
            held = order.amount if order and order.outcome is OrderOutcome.IN_ESCROW else 0
            assert held == world.reader.redemption(order_id=number, holder=account)
    for country in (CHINA, HONG_KONG, SWITZERLAND):
        assert (country in register.restricted) == world.reader.is_restricted(country)
    for issuer, limit in register.mint_limits.items():
        assert world.reader.mint_allowance(issuer).limit == limit
        assert (("ISSUER", issuer) in register.roles) == world.reader.has_role(roles.ISSUER, issuer)
    assert register.multiplier(time=world.now()) == world.reader.multiplier()


def test_orders_are_told_from_each_other(open_world):
    world, alice = open_world, open_world.alice
    world.mint((1, alice, 10 * SHARE), (2, Wallet(key("stranger")), SHARE))
    for number in (3, 4, 5):
        request = token.encode_request_redeem(order_id=number, amount=number * SHARE // 2)
        world.run(alice, request)
    world.run(world.issuer, token.encode_burn_order(OrderItem(3, alice.address, 3 * SHARE // 2)))
    world.run(world.issuer, token.encode_cancel_redeem(order_id=4, holder=alice.address))
    lost = token.encode_recover(order_id=6, lost=alice.address, account=world.bob.address)
    world.run(world.compliance, lost)
    register = rebuild(world.address, all_logs(world))
    seen = {number: order.outcome for (number, _), order in register.orders.items()}
    assert seen == {
        1: OrderOutcome.MINTED,
        2: OrderOutcome.REJECTED,
        3: OrderOutcome.BURNED,
        4: OrderOutcome.RETURNED,
        5: OrderOutcome.IN_ESCROW,
        6: OrderOutcome.RECOVERED,
    }
    assert register.executed == {1, 3, 6}
    assert register.escrowed() == 5 * SHARE // 2


def test_missing_foreign_or_unordered_logs_are_noticed(open_world):
    open_world.mint((1, open_world.alice, SHARE))
    data = token.encode_transfer(to=open_world.bob.address, amount=1)
    open_world.run(open_world.alice, data)
    logs = list(all_logs(open_world))
    rebuild(open_world.address, logs)
    created = next(n for n, log in enumerate(logs) if isinstance(decode_event(log), Transferred))
    for broken in (
        logs[:created] + logs[created + 1 :],
        list(reversed(logs)),
        [*logs, logs[-1]],
        [*logs[:-1], replace(logs[-1], removed=True)],
        [*logs[:-1], replace(logs[-1], address=open_world.alice.address)],
    ):
        with pytest.raises(LogsInconsistent):
            rebuild(open_world.address, broken)
    minted = next(log for log in logs if isinstance(decode_event(log), OrderMinted))
    again = replace(minted, block_number=logs[-1].block_number + 1)
    with pytest.raises(LogsInconsistent, match="happened twice"):
        rebuild(open_world.address, [*logs, again])
