"""What the campaign calls a reorganisation moves the chain, and what befalls a worker does happen."""

import os
import random
from datetime import datetime

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.utils import timezone

from core.models import Breaker
from crash.chaos import ChainChaos
from crash.crew import Crew, planted
from crash.happenings import NEEDS, needed
from crash.mishaps import MARK, Mishaps
from crash.results import nth_most

STEADY_BLOCKS = 250


@pytest.fixture
def chaos(ready, tmp_path):
    # Where the base fee has come to rest, an empty block depends on nothing but its parent.
    ready.anvil.mine(STEADY_BLOCKS)
    return ChainChaos(ready, tmp_path, lambda: None, random.Random(1))


def hashes(chaos, depth):
    head = chaos.anvil.block_number()
    return [chaos.stage.node.block_hash(number) for number in range(head - depth + 1, head + 1)]


def test_empty_blocks_are_replaced_by_others_as_well(chaos):
    """They used to come back hash by hash, so that a reorganisation below finality moved nothing
    that had been recorded, and nothing halted."""
    for _ in range(10):
        before = hashes(chaos, 3)
        chaos.reorganise(3, shape="drop")
        assert not set(before) & set(hashes(chaos, 3))


def test_the_node_itself_brings_empty_blocks_back_as_they_were(chaos):
    same = 0
    for _ in range(10):
        before = hashes(chaos, 3)
        chaos.anvil.reorg(3)
        same += before == hashes(chaos, 3)
    assert same > 0


def a_crew(points, post=None):
    """Nobody is hired, so that no post is needed."""
    return Crew(post=post, size=0, dice=random.Random(1), points=points, level=2)


def test_a_point_that_is_seldom_passed_is_waited_for_at_its_first_pass():
    crew = a_crew(["often", "seldom"])
    crew._hired = 10
    crew._passes.update({"often": 100, "seldom": 1})
    drawn = [crew._points() for _ in range(200)]
    armed = [points for points in drawn if points]
    assert all(points["seldom"] == 1 for points in armed)
    assert {points["often"] for points in armed} > {1, 2, 3}
    assert any(not points for points in drawn)


def test_a_point_that_was_died_at_often_enough_lets_the_others_have_their_turn():
    crew = a_crew(["one", "other"])
    crew.hits.update({"one": 2, "other": 1})
    assert crew.lagging() == ["other"]
    assert {tuple(crew._points()) for _ in range(50)} == {(), ("other",)}


def test_a_point_behind_others_has_its_turn_before_they_are_died_at_again():
    crew = a_crew(["first", "last"])
    crew.level = 6
    crew.hits.update({"first": 1, "last": 0})
    assert {tuple(crew._points()) for _ in range(50)} == {(), ("last",)}


def test_the_failpoints_are_read_from_the_sources():
    assert {"settle.precommit", "bump.committed", "follow.read"} <= set(planted())


def test_what_a_lagging_point_waits_for_is_known_by_its_first_word():
    assert needed(["bump.committed", "settle.before"]) == {"rest"}
    assert needed([f"{word}.any" for word in NEEDS]) == {
        event for events in NEEDS.values() for event in events
    }


@pytest.mark.parametrize("is_sent", [False, True], ids=["before-it-leaves", "after-it-left"])
@pytest.mark.django_db(transaction=True)
def test_a_commit_that_is_cut_off_is_heard_of_as_an_error(is_sent, tmp_path):
    """Sent, it happens although the sender is told otherwise; not sent, it does not."""
    trail = tmp_path / "trail"
    Breaker.objects.count()
    mishaps = Mishaps(random.Random(1), trail)
    wrapper = connections[connection.alias]
    assert isinstance(wrapper, DatabaseWrapper)

    def insert_and_lose():
        with transaction.atomic():
            Breaker.objects.create(name="of.a.test", created_at=timezone.now())
            mishaps._cut(wrapper, is_sent=is_sent)

    with pytest.raises(OperationalError):
        insert_and_lose()
    connection.close()
    assert Breaker.objects.filter(name="of.a.test").exists() == is_sent
    assert trail.read_text().startswith(MARK)


def test_a_skewed_clock_is_wrong_in_its_own_process_only(tmp_path):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        Mishaps(random.Random(1), tmp_path / "trail")._skew()
        os.write(writer, timezone.now().isoformat().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    told = datetime.fromisoformat(os.read(reader, 64).decode())
    wrong = abs((told - timezone.now()).total_seconds())
    assert 1 < wrong < 3_700


def test_the_failpoints_figure_is_what_so_many_of_them_reached():
    assert nth_most({"a": 5, "b": 20, "c": 7}, 2) == 7
    assert nth_most({"a": 5}, 2) == 0
