"""Fee arithmetic: first offer, bump, ceilings."""

import pytest

from issuance.chain import answers
from issuance.chain.errors import ChainAnswerInvalid, FeeCeilingReached
from issuance.chain.fees import GWEI, TIP_MIN, FeePolicy, bump, price
from issuance.chain.types import Fees

POLICY = FeePolicy(max_fee=100 * GWEI, tip=10 * GWEI)


@pytest.mark.parametrize(
    "told",
    [
        {"baseFeePerGas": ["-0x5"], "reward": [["0x1"]]},
        {"baseFeePerGas": ["0x5"], "reward": [["-0x1"]]},
    ],
    ids=["base fee", "tip"],
)
def test_a_price_below_nothing_is_no_answer(told):
    with pytest.raises(ChainAnswerInvalid):
        answers.read(answers.fee_history, told)


def test_the_first_offer_is_twice_the_base_fee_and_the_median_tip():
    fees = price(base_fee=7, tips=[5 * GWEI, GWEI, 2 * GWEI], policy=POLICY)
    assert fees == Fees(max_fee=14 + 2 * GWEI, tip=2 * GWEI)


def test_a_quiet_chain_still_gets_a_tip():
    assert price(base_fee=0, tips=[], policy=POLICY).tip == TIP_MIN
    assert price(base_fee=0, tips=[0, 0], policy=POLICY).tip == TIP_MIN


def test_the_offer_never_passes_the_ceilings():
    fees = price(base_fee=80 * GWEI, tips=[90 * GWEI], policy=POLICY)
    assert fees == Fees(max_fee=100 * GWEI, tip=10 * GWEI)
    with pytest.raises(FeeCeilingReached):
        price(base_fee=99 * GWEI, tips=[2 * GWEI], policy=POLICY)


@pytest.mark.parametrize("fees", [Fees(1, 1), Fees(1_001, 7), Fees(33 * GWEI, GWEI + 1)])
def test_a_bump_raises_both_prices_by_at_least_a_tenth(fees):
    raised = bump(fees, policy=POLICY)
    assert raised.max_fee * 10 >= fees.max_fee * 11
    assert raised.tip * 10 >= fees.tip * 11


@pytest.mark.parametrize("fees", [Fees(90 * GWEI, GWEI), Fees(50 * GWEI, 9 * GWEI)])
def test_a_bump_stops_at_the_ceilings(fees):
    with pytest.raises(FeeCeilingReached):
        bump(fees, policy=POLICY)
