"""The order of the chapters, and the summary that people and CI compare."""

from typing import Any

from config.devstack.scenario import closing, onboarding, refusals, trading
from config.devstack.scenario.api import ScenarioFailed
from config.devstack.scenario.world import World


def tell(world: World) -> dict[str, Any]:
    """Run the whole story and return its summary (docs: the design's machine-read outputs)."""
    _enter(world)
    _refuse(world)
    _survive_a_crash(world)
    world.timeline.chapter("Redemption")
    trading.redeem(world, "A", "IBIT", "100")
    trading.deliver(world, "A", "IBIT", "100")
    world.timeline.chapter("Everything compared")
    return _summary(world)


def _enter(world: World) -> None:
    world.timeline.chapter("Onboarding")
    onboarding.subscribe(world)
    onboarding.onboard(world)
    world.timeline.chapter("Wallets and custody")
    trading.prove_wallets(world)
    trading.deposit(world, "A", "IBIT", "1000")
    trading.deposit(world, "B", "FBTC", "500")
    trading.await_holders(world)
    world.timeline.chapter("Minting")
    trading.mint(world, "A", "IBIT", "600.25")
    trading.mint(world, "B", "FBTC", "300")


def _refuse(world: World) -> None:
    world.timeline.chapter("Refusals")
    refusals.more_than_free(world, "A", "IBIT", "399.750000000000000001")
    repeated = refusals.idempotency(world, "A", "IBIT")
    refusals.unproved_wallet(world)
    refusals.bad_orders(world)
    refusals.wrong_doors(world)
    refusals.retired_key(world)
    refusals.closed_fund(world)
    refusals.bad_files(world)
    refusals.from_the_mainland(world)
    trading.transfer_reverts(world, "A", "IBIT")
    trading.await_order(world, repeated)


def _survive_a_crash(world: World) -> None:
    world.timeline.chapter("A crash")
    crashed = trading.mint_through_a_crash(world, "A", "IBIT", "50")
    if closing.minted_on_chain(world, crashed) != 1:
        raise ScenarioFailed("the order whose worker was killed was not minted exactly once")
    world.timeline.note("one mint on chain for the killed worker's order", crashed["id"])


def _summary(world: World) -> dict[str, Any]:
    read = closing.books(world)
    tokens, funds = closing.tokens(world, read), closing.funds(world, read)
    closing.reserves(world)
    replays = read["replays"]
    if replays["problems"] or read["event_flaws"]:
        raise ScenarioFailed(f"records changed: {replays}, {read['broken_event_chains']}")
    world.timeline.note("decisions replayed byte for byte", str(replays["count"]))
    return {
        "ok": True,
        "seconds_to_first_mint": world.seconds_to_first_mint,
        "tokens": tokens,
        "funds": funds,
        "orders": closing.orders(world),
        "decisions": [_decision(**each) for each in world.decisions],
        "refusals": world.refusals,
        "events": closing.events(world),
    }


def _decision(*, subject: str, decision: dict[str, Any]) -> dict[str, Any]:
    rules = [{"id": rule["id"], "clause": rule["clause"]} for rule in decision["fired"]]
    return {"subject": subject, "effect": decision["effect"], "rules": rules}
