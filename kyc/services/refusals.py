"""Refusals that only the use cases of kyc give."""

from core.errors import DomainError


class FieldRefused(DomainError):
    """A value has the right type but cannot be taken."""

    code = "field_invalid"
    status = 400
    title = "A field has the wrong type, form or value, or is missing."


class ExternalIdUsed(DomainError):
    """The institution already has an investor of that external id."""

    code = "external_id_used"
    status = 409
    title = "This external_id belongs to another investor of yours."


class DocumentUsed(DomainError):
    """The same file was added before."""

    code = "document_used"
    status = 409
    title = "This document is already on file."


class InvestorFinal(DomainError):
    """A rejected or closed investor no longer changes."""

    code = "state_conflict"
    status = 409
    title = "The investor is rejected or closed."


class NotProposed(DomainError):
    """The checker came before the maker."""

    code = "state_conflict"
    status = 409
    title = "Nobody has proposed this yet."


class CheckNotPassed(DomainError):
    """The identity check is still running or has failed."""

    code = "check_not_passed"
    status = 409
    title = "The identity check has not passed."


class OverrideRefused(DomainError):
    """The rule may not be overridden, or a proof is missing."""

    code = "override_refused"
    title = "This rule cannot be overridden like this."


class NetworkUnknown(DomainError):
    """The issuer does not serve that network."""

    code = "network_unknown"
    title = "There is no such network."


class WalletTaken(DomainError):
    """The address is proved, or already claimed by this investor."""

    code = "wallet_taken"
    status = 409
    title = "The address is already a wallet."


class ChallengeExpired(DomainError):
    """The challenge is older than its lifetime."""

    code = "challenge_expired"
    title = "The challenge has expired; ask for another."


class ChallengeUsed(DomainError):
    """The challenge has proved its wallet once already."""

    code = "challenge_used"
    status = 409
    title = "The challenge was used; ask for another."
