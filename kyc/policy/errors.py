"""Refusals by policy and by the investor's standing."""

from core.errors import DomainError


class NotEligible(DomainError):
    """The policy engine refuses; the decision explains it rule by rule."""

    code = "not_eligible"
    title = "Policy does not allow this."


class InvestorNotApproved(DomainError):
    """The investor's state does not allow the action."""

    code = "investor_not_approved"
    title = "The investor is not approved for this."


class KycExpired(DomainError):
    """The investor's KYC has run out; exits stay possible."""

    code = "kyc_expired"
    title = "The investor's KYC has expired."
