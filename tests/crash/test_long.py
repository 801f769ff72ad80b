"""The long profile: parts that are kept, shares of every bar, and a sum that hides nothing."""

import json

import pytest

from crash import long
from crash.document import BARS, HITS_MIN
from crash.results import Outcome
from crash.spec import Spec
from tests.crash.test_campaign import A_SPEC, A_VERDICT, a_result


@pytest.fixture
def ground(tmp_path, monkeypatch):
    monkeypatch.setattr(long, "folder_of", lambda _: tmp_path)
    return tmp_path


def a_part(number, **changes):
    spec = A_SPEC | {"seed": number}
    return a_result(**{"spec": spec} | changes)


def a_spec():
    return Spec(seed=7, seconds=1, folder="nowhere")


def test_a_point_that_no_part_died_at_is_still_in_the_sum():
    whole = long.merged([a_part(1, failpoints={"rare": 0}), a_part(2, failpoints={"rare": 0})])
    assert whole["failpoints"] == {"rare": 0}
    assert "never killed at rare" in Outcome(whole).complaints()


def test_what_one_part_missed_the_sum_misses():
    parts = [a_part(1), a_part(2, is_drained=False, halted_below_finality=False, accidents=3)]
    whole = long.merged(parts)
    assert not whole["is_drained"]
    assert not whole["halted_below_finality"]
    assert whole["accidents"] == 3
    assert whole["spec"]["seeds"] == [1, 2]
    assert whole["orders"] == 2 * parts[0]["orders"]


def test_a_sum_names_every_commit_it_was_measured_on_once():
    parts = [
        a_part(1, revision="aa"),
        a_part(2, revision="aa"),
        a_part(3, revision="bb"),
        a_part(4),
    ]
    assert long.merged(parts)["revision"] == "aa, bb, unknown"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"verdict": A_VERDICT | {"blocks": 0}}, "the judge checked no block"),
        (
            {"verdict": A_VERDICT | {"control": 0}},
            "the naive control minted nothing twice: the harness is blind",
        ),
        ({"failovers": 0}, "no failover happened"),
        ({"rpc_faults": {}}, "no RPC fault happened"),
        ({"chain": {}}, "no reorganisation happened in the storm"),
    ],
    ids=["judge", "control", "failovers", "faults", "reorganisations"],
)
def test_a_part_that_was_blind_is_not_hidden_by_one_that_saw(changes, complaint):
    whole = long.merged([a_part(1), a_part(2, **changes)])
    assert Outcome(whole).complaints() == [f"seed 2: {complaint}"]


def test_the_parts_shares_make_up_every_bar():
    parts = [long.part_spec(a_spec(), n, count=4, before=[]) for n in range(4)]
    assert len({part.seed for part in parts}) == long.PARTS
    for name, bar in BARS.items():
        assert 4 * parts[0].at_least[name] >= bar
    assert 4 * parts[0].at_least["failpoints"] >= HITS_MIN


def test_a_part_is_asked_for_its_share_of_what_is_left():
    rich = a_part(1, orders=BARS["orders"] // 2, kills=2 * BARS["kills"])
    second = long.part_spec(a_spec(), 1, count=4, before=[rich])
    assert BARS["orders"] / 2 <= 3 * second.at_least["orders"] < BARS["orders"]
    assert second.at_least["kills"] == 1
    last = long.part_spec(a_spec(), 3, count=4, before=[rich])
    assert BARS["orders"] / 2 <= last.at_least["orders"] < BARS["orders"]


def test_a_run_that_was_interrupted_goes_on_with_the_part_it_did_not_finish(ground):
    (ground / "part-0.json").write_text(json.dumps(a_part(7)))
    ran = []

    def run(spec):
        ran.append(spec.seed)
        return a_part(spec.seed)

    whole = long.run_parts(a_spec(), run)
    assert ran == [8, 9, 10]
    assert whole["spec"]["seeds"] == [7, 8, 9, 10]
    assert len(list(ground.iterdir())) == long.PARTS


@pytest.mark.usefixtures("ground")
def test_one_part_alone_is_asked_for_no_more_than_its_quarter():
    asked = []

    def run(spec):
        asked.append(spec.at_least["orders"])
        return a_part(spec.seed)

    long.run_parts(a_spec(), run, count=1)
    assert asked == [long.part_spec(a_spec(), 0, count=4, before=[]).at_least["orders"]]


def test_every_part_that_was_kept_is_in_the_sum_also_where_fewer_are_asked_for(ground):
    for number in (10, 2, 1, 0):
        (ground / f"part-{number}.json").write_text(json.dumps(a_part(number)))

    def run(_):
        raise AssertionError("what is kept is not run again")

    whole = long.run_parts(a_spec(), run, count=1)
    assert whole["spec"]["seeds"] == [0, 1, 2, 10]
    assert whole["orders"] == 4 * a_part(0)["orders"]
