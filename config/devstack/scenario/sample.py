"""Data for ./dev run: the cast in every state an operator meets, orders in several."""

from config.devstack.scenario import cast, onboarding, trading
from config.devstack.scenario.world import World

# Two more, left for the operator: one waits for review, one was never submitted.
WAITING, DRAFT = "E", "F"
# Above the development limit for orders that need nobody's approval.
LARGE = "1500"


def fill(world: World) -> None:
    """Everything an empty portal lacks; all of it came in through the public doors."""
    onboarding.onboard(world)
    _leave_two(world)
    trading.prove_wallets(world)
    trading.deposit(world, "A", "IBIT", "5000")
    trading.deposit(world, "B", "FBTC", "2500")
    trading.deposit(world, "B", "GBTC", "300")
    trading.await_holders(world)
    trading.mint(world, "A", "IBIT", "600.25")
    trading.mint(world, "B", "FBTC", "300")
    trading.redeem(world, "B", "FBTC", "40")
    trading.deliver(world, "B", "FBTC", "40")
    _leave_orders(world)


def _leave_two(world: World) -> None:
    for letter, body in cast.LATER.items():
        investor = world.api.post("investors", body)
        world.api.post(f"investors/{investor['id']}/documents", cast.document(letter))
        if letter == WAITING:
            world.api.post(f"investors/{investor['id']}/submit")
    world.timeline.note("one investor waits for review, one is a draft")


def _leave_orders(world: World) -> None:
    """One order that waits for approval, one that waits for the holder's tokens, one cancelled."""
    for more in (
        trading.order_body(world, "A", "IBIT", LARGE),
        trading.order_body(world, "A", "IBIT", "25", type="redeem"),
    ):
        world.api.post("orders", more)
    cancelled = world.api.post("orders", trading.order_body(world, "A", "IBIT", "7", type="redeem"))
    world.api.post(f"orders/{cancelled['id']}/cancel")
    world.timeline.note("three more orders: for approval, for the holder's tokens, cancelled")
