"""The caps of a fund's tokens: at no instant may contracts allow more than custody has settled."""

import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from issuance.pipeline.caps import Claim, is_due, room_of, wanted_cap

TOKENS_MAX = 3
ROUNDS_TO_REST = 6


@dataclass
class Contract:
    """One token on its chain, and what is known of it: figures in units."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    # (as_of, cap) in the newest block, and at finality.
    head: tuple[int, int] = (0, 0)
    final: tuple[int, int] = (0, 0)
    # Every figure the custodian ever signed: whoever saw one may relay it at any time.
    signed: list[tuple[int, int]] = field(default_factory=list)
    on_its_way: bool = False
    backing: int = 0
    waiting: int = 0

    def claim(self) -> Claim:
        newer = [each for each in self.signed if each[0] > self.final[0]]
        figures = [shares for _, shares in newer]
        return Claim(
            cap=self.final[1],
            newest=figures[-1] if figures else self.final[1],
            bound=max([self.final[1], *figures]),
            needed=self.backing + self.waiting,
        )


class Caps(RuleBasedStateMachine):
    """Two or three tokens of one fund while orders, deliveries, relays and reorganisations interleave."""

    @initialize(count=st.integers(1, TOKENS_MAX))
    def begin(self, count):
        self.tokens = [Contract() for _ in range(count)]
        self.free = self.settled = self.releasing = 0
        self.clock = 0

    @property
    def attestable(self):
        return self.settled - self.releasing

    def claims(self):
        return {token.id: token.claim() for token in self.tokens}

    def at(self, number):
        return self.tokens[number % len(self.tokens)]

    @rule(shares=st.integers(1, 1000))
    def settle(self, shares):
        self.settled += shares
        self.free += shares

    @rule(number=st.integers(0, 5), shares=st.integers(1, 1000))
    def order(self, number, shares):
        shares = min(shares, self.free)
        self.free -= shares
        self.at(number).waiting += shares

    @rule(number=st.integers(0, 5), shares=st.integers(1, 1000))
    def mint(self, number, shares):
        token = self.at(number)
        shares = min(shares, token.waiting)
        if token.backing + shares <= token.final[1]:
            token.waiting -= shares
            token.backing += shares

    @rule(number=st.integers(0, 5), shares=st.integers(1, 1000))
    def burn(self, number, shares):
        token = self.at(number)
        shares = min(shares, token.backing)
        token.backing -= shares
        self.free += shares

    @rule(number=st.integers(0, 5), other=st.integers(0, 5), shares=st.integers(1, 1000))
    def move(self, number, other, shares):
        token = self.at(number)
        shares = min(shares, token.backing)
        token.backing -= shares
        self.at(other).waiting += shares

    @rule(shares=st.integers(1, 1000))
    def ask_for_delivery(self, shares):
        shares = min(shares, self.free)
        self.free -= shares
        self.releasing += shares

    @rule()
    def deliver(self):
        """Only once the contracts cannot allow more than what stays."""
        if sum(claim.bound for claim in self.claims().values()) <= self.attestable:
            self.settled -= self.releasing
            self.releasing = 0

    @rule(number=st.integers(0, 5), relayed=st.booleans())
    def attest(self, number, relayed):
        """Ask the custodian; the answer may be lost on its way to the chain."""
        self.ask(self.at(number), relayed=relayed)

    def ask(self, token, *, relayed):
        claims = self.claims()
        wanted = wanted_cap(token_id=token.id, claims=claims, attestable=self.attestable)
        if token.on_its_way or not is_due(claims[token.id], wanted=wanted):
            return False
        self.clock += 1
        token.signed.append((self.clock, wanted))
        token.on_its_way = relayed
        bounds = sum(claim.bound for claim in self.claims().values())
        assert bounds <= max(self.attestable, sum(claim.bound for claim in claims.values()))
        return True

    @rule(number=st.integers(0, 5), pick=st.integers(0, 50))
    def include(self, number, pick):
        """Any figure later than the contract's own may be mined, also one we gave up."""
        token = self.at(number)
        newer = [each for each in token.signed if each[0] > token.head[0]]
        if newer:
            token.head = newer[pick % len(newer)]

    @rule(number=st.integers(0, 5))
    def reorganise(self, number):
        self.at(number).head = self.at(number).final

    @rule(number=st.integers(0, 5))
    def finalise(self, number):
        token = self.at(number)
        token.final = token.head
        token.on_its_way = token.on_its_way and token.signed[-1][0] > token.final[0]

    @rule()
    def rest(self):
        """Nobody does anything new: every order gets its room, and then the caps stand still."""
        asked = [True]
        for _ in range(ROUNDS_TO_REST):
            asked = [self.ask(token, relayed=True) for token in self.tokens]
            for token in self.tokens:
                if token.on_its_way:
                    token.head = token.final = token.signed[-1]
                token.on_its_way = False
        assert not any(asked), "caps go to and fro"
        for token in self.tokens:
            assert token.backing + token.waiting <= token.final[1]

    @invariant()
    def no_contract_allows_what_custody_does_not_hold(self):
        if hasattr(self, "tokens"):
            assert sum(token.head[1] for token in self.tokens) <= self.settled
            assert sum(claim.bound for claim in self.claims().values()) <= self.settled


Caps.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestCaps = Caps.TestCase


def claims_of(*figures):
    """(cap, newest, bound, needed) for each token."""
    names = ("cap", "newest", "bound", "needed")
    return {
        uuid.UUID(int=number): Claim(**dict(zip(names, each, strict=True)))
        for number, each in enumerate(figures)
    }


def wanted(claims, attestable):
    return [wanted_cap(token_id=each, claims=claims, attestable=attestable) for each in claims]


@pytest.mark.parametrize(
    ("figures", "attestable", "expected"),
    [
        ([(0, 0, 0, 0)], 1000, [1000]),
        ([(1000, 1000, 1000, 400)], 900, [900]),
        ([(0, 0, 0, 0), (0, 0, 0, 0)], 1000, [500, 500]),
        ([(500, 500, 500, 400), (500, 500, 500, 450)], 1000, [500, 500]),
        ([(500, 500, 500, 100), (500, 500, 500, 700)], 1000, [200, 500]),
        ([(200, 200, 200, 100), (500, 500, 500, 700)], 1000, [200, 800]),
        ([(500, 200, 500, 100), (500, 500, 500, 700)], 1000, [200, 500]),
        ([(0, 900, 900, 0), (100, 100, 100, 200)], 1000, [0, 100]),
        ([(500, 500, 500, 100), (500, 500, 500, 100)], 800, [400, 400]),
        ([(500, 500, 500, 0), (400, 400, 400, 0)], 901, [500, 400]),
    ],
    ids=[
        "a token alone may have everything",
        "a token alone falls with custody",
        "two tokens share what nobody needs",
        "two that have what they need are left alone",
        "an idle cap falls first when a sibling waits",
        "and only then does the sibling rise",
        "a fall that is still on its way makes no room yet",
        "a figure that was signed and never mined counts as if it could be",
        "shares that leave shrink everybody to its part",
        "nothing is attested for a trifle",
    ],
)
def test_the_next_cap_of_each_token(figures, attestable, expected):
    assert wanted(claims_of(*figures), attestable) == expected


def test_room_is_what_every_sibling_can_no_longer_come_to_allow():
    claims = claims_of((500, 300, 500, 0), (100, 200, 200, 0), (0, 0, 0, 0))
    rooms = [room_of(token_id=each, claims=claims, attestable=1000) for each in claims]
    assert rooms == [800, 500, 300]


@pytest.mark.parametrize(
    ("figures", "wanted", "due"),
    [
        ((500, 500, 500, 0), 500, False),
        ((500, 500, 500, 0), 400, True),
        ((0, 900, 900, 0), 0, True),
    ],
    ids=["nothing to change", "another figure", "a figure nobody relayed must be made void"],
)
def test_a_cap_is_due_when_it_differs_or_an_older_figure_still_could_be_relayed(
    figures, wanted, due
):
    (claim,) = claims_of(figures).values()
    assert is_due(claim, wanted=wanted) is due
