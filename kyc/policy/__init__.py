"""The policy engine and the door to it: decide() explains, require() refuses."""

from kyc.policy.decisions import (
    decide,
    kyc_expiry,
    not_eligible,
    onchain_country,
    permits,
    require,
    require_each,
    require_standing,
)
from kyc.policy.effects import Effect
from kyc.policy.errors import InvestorNotApproved, KycExpired, NotEligible
from kyc.policy.facts import FactInvalid
from kyc.policy.session import session_context

__all__ = [
    "Effect",
    "FactInvalid",
    "InvestorNotApproved",
    "KycExpired",
    "NotEligible",
    "decide",
    "kyc_expiry",
    "not_eligible",
    "onchain_country",
    "permits",
    "require",
    "require_each",
    "require_standing",
    "session_context",
]
