"""What the token costs, through its proxy; gas is exact, so a regression fails here."""

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from issuance.chain import token
from issuance.chain.signer import GAS_MAX
from issuance.chain.token import MINTS_PER_TRANSACTION_MAX
from issuance.chain.types import HolderEntry, OrderItem
from tests.issuance.chain.conftest import SHARE, SWITZERLAND, YEAR

AMOUNT = 12_500_000_000_000_000_000


def account(number: int) -> str:
    return to_checksum_address(keccak(number.to_bytes(4))[:20])


def register(world, numbers):
    entries = [HolderEntry(account(n), SWITZERLAND, world.now() + YEAR) for n in numbers]
    return world.run(world.compliance, token.encode_set_holders(entries), gas=GAS_MAX).gas_used


def mint(world, first_order, numbers):
    items = [OrderItem(first_order + i, account(n), AMOUNT) for i, n in enumerate(numbers)]
    receipt = world.run(world.issuer, token.encode_mint_batch(items), gas=GAS_MAX)
    assert receipt.succeeded
    return receipt.gas_used


def test_gas_stays_under_the_bars(open_world, capsys):
    world = open_world
    world.attest(10**9 * SHARE)
    mint(world, 256, [0])  # nobody is registered: warms nothing, mints nothing
    world.mint((256, world.alice, 1_000 * SHARE), (257, world.bob, SHARE))
    onboarding = register(world, range(100)) / 100
    register(world, [500])
    single = mint(world, 258, [500])
    batch = mint(world, 512, range(100)) / 100
    world.run(world.alice, token.encode_request_redeem(order_id=300, amount=AMOUNT))
    world.run(world.alice, token.encode_request_redeem(order_id=301, amount=AMOUNT))
    world.run(world.issuer, token.encode_burn_order(OrderItem(300, world.alice.address, AMOUNT)))
    burn = world.run(
        world.issuer, token.encode_burn_order(OrderItem(301, world.alice.address, AMOUNT))
    ).gas_used
    register(world, [501])
    data = token.encode_transfer(to=account(501), amount=AMOUNT)
    transfer = world.run(world.alice, data).gas_used
    attest = world.attest(10**9 * SHARE).gas_used
    rows = (
        ("mint, new permitted holder", single, 63_000),
        ("mint, one of a batch of 100", batch, 13_500),
        ("onboarding, one of 100", onboarding, 28_000),
        ("transfer to a new holder", transfer, 53_000),
        ("burn with order id", burn, 53_000),
        ("attestation", attest, 60_000),
    )
    with capsys.disabled():
        for name, used, bar in rows:
            print(f"\n  gas: {name}: {used:,.0f} (bar {bar:,})", end="")  # noqa: T201 - the figures are the point
    assert [name for name, used, bar in rows if used > bar] == []


def test_a_full_batch_fits_in_one_transaction(open_world):
    world = open_world
    world.attest(10**9 * SHARE)
    for first in range(0, MINTS_PER_TRANSACTION_MAX, 400):
        register(world, range(first, first + 400))
    used = mint(world, 1_024, range(MINTS_PER_TRANSACTION_MAX))
    assert used <= GAS_MAX
    assert world.reader.supply() == MINTS_PER_TRANSACTION_MAX * AMOUNT
