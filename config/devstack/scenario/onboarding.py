"""Chapter one: a receiver, four investors, two approvals by two people, two refusals."""

from typing import Any

from config.devstack.scenario import cast
from config.devstack.scenario.api import ScenarioFailed
from config.devstack.scenario.world import World
from core import ids

SECONDS_MAX = 30
APPROVED, REJECTED = ("A", "B"), ("C", "D")


def subscribe(world: World) -> None:
    """Register the receiver and let it prove the signature with a test ping."""
    url = f"http://127.0.0.1:{world.receiver_port}/sharemint"
    with world.timeline.step("webhook endpoint registered") as result:
        endpoint = world.api.post(
            "webhook-endpoints", {"url": url, "event_types": ["*"], "description": "demo"}
        )
        world.receiver_secret.write_text(endpoint["secret"])
        world.api.post(f"webhook-endpoints/{endpoint['id']}/test")
        result.append(endpoint["id"])


def onboard(world: World) -> None:
    """Create and submit all four; the engine refuses two of them by itself."""
    for letter, body in cast.INVESTORS.items():
        with world.timeline.step(f"investor {letter}: {cast.ABOUT[letter]}") as result:
            investor = world.api.post("investors", body)
            for owner in cast.OWNERS.get(letter, []):
                world.api.post(f"investors/{investor['id']}/owners", owner)
            world.api.post(f"investors/{investor['id']}/documents", cast.document(letter))
            submitted = world.api.post(f"investors/{investor['id']}/submit")
            world.investors[letter] = submitted
            result.append(submitted["status"])
    for letter in APPROVED:
        _approve(world, letter)
    for letter in REJECTED:
        _show_refusal(world, letter)


def _approve(world: World, letter: str) -> None:
    """One operator proposes, the same one may not approve, another does."""
    identifier = world.investors[letter]["id"]
    path = f"kyc/investor/{ids.decode_id('inv', identifier)}"
    with world.timeline.step(f"investor {letter} approved by two people") as result:
        world.first.act(path, "propose", reason="Documents checked.")
        own = world.first.refused(path, "approve", reason="My own proposal.")
        if own.code != "same_actor":
            raise ScenarioFailed(f"expected same_actor: {own}")
        world.second.act(path, "approve", reason="Second pair of eyes.")
        approved = world.api.wait(
            f"investors/{identifier}",
            lambda investor: investor["status"] == "approved",
            seconds=SECONDS_MAX,
            what=f"the approval of investor {letter}",
        )
        world.investors[letter] = approved
        decision = _decision(world, letter)
        result.append(f"{decision['effect']} ({decision['id']})")


def _show_refusal(world: World, letter: str) -> None:
    """Print the clauses that refused an investor."""
    if world.investors[letter]["status"] != "rejected":
        raise ScenarioFailed(f"investor {letter} should be refused: {world.investors[letter]}")
    decision = _decision(world, letter)
    fired = [rule for rule in decision["fired"] if rule["effect"].upper() == "DENY"]
    if not fired or not all(rule["clause"] and rule["quote"] for rule in fired):
        raise ScenarioFailed(f"a refusal without its clause: {decision}")
    world.timeline.note(f"investor {letter} refused", f"{decision['effect']} ({decision['id']})")
    for rule in fired:
        print(f"{'':12}{rule['id']} {rule['document']} {rule['clause']}: “{rule['quote']}”")


def _decision(world: World, letter: str) -> dict[str, Any]:
    """Fetch and keep the decision an investor's state rests on."""
    decision = world.api.get(f"decisions/{world.investors[letter]['decision_id']}")
    world.decisions.append({"subject": letter, "decision": decision})
    return decision
