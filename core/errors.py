"""The root of every refusal: a stable code, an HTTP status and what was expected instead."""

from typing import ClassVar

from django.db import models


class DomainError(Exception):
    """A refusal the caller can act on.

    ``code`` is public and never changes. ``field`` is a JSON pointer into the request when one
    field is to blame. ``extra`` holds public members of the problem document: ids and states,
    never personal data.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The request was refused."
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, field: str = "", **extra: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.field = field
        self.extra = extra
        self.evidence: list[models.Model] = []


class NotFound(DomainError):
    """No such object for this caller; another institution's object looks the same."""

    code = "not_found"
    status = 404
    title = "There is no such object."


class StateConflict(DomainError):
    """The object is not in a state that allows the move."""

    code = "state_conflict"
    status = 409
    title = "The object's present state does not allow this."


class VersionMismatch(DomainError):
    """The caller decided on a version that is no longer the present one."""

    code = "version_mismatch"
    status = 412
    title = "If-Match names another version than the present one."


class SameActor(DomainError):
    """The four-eyes rule: whoever made it cannot also approve it."""

    code = "same_actor"
    status = 409
    title = "Another person must approve this."


class HaltActive(DomainError):
    """An open breaker forbids new value-moving work; tracking goes on."""

    code = "halt_active"
    status = 503
    title = "New work of this kind is halted."
    retryable = True
