"""Refusals that only the HTTP edge can give, each with its stable code."""

from core.errors import DomainError


class RequestError(DomainError):
    """The request itself is at fault; nothing was looked at or changed."""

    code = "request_invalid"
    status = 400
    title = "The request is not valid."


class MalformedJson(RequestError):
    code = "malformed_json"
    title = "The body is not one valid JSON object."


class FieldInvalid(RequestError):
    code = "field_invalid"
    title = "A field has the wrong type, form or value, or is missing."


class UnknownField(RequestError):
    code = "unknown_field"
    title = "The request names a field this operation does not have."


class QuantityInvalid(RequestError):
    code = "quantity_invalid"
    title = 'A quantity is a JSON string such as "600.25": positive, plain, at most 18 places.'


class ApiVersionUnknown(RequestError):
    code = "api_version_unknown"
    title = "Sharemint-Version names a version this API does not speak."


class PageTokenMismatch(RequestError):
    code = "page_token_mismatch"
    title = "The page mark was changed or belongs to a request with other filters."


class IdempotencyKeyMissing(RequestError):
    code = "idempotency_key_missing"
    title = "Every POST needs an Idempotency-Key header of 1 to 255 visible ASCII characters."


class IdempotencyKeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key was used for another request."


class IdempotencyInFlight(DomainError):
    code = "idempotency_in_flight"
    status = 409
    title = "The first request with this Idempotency-Key is still being served."
    retryable = True


class Unauthenticated(DomainError):
    """One answer for absent, malformed, unknown, revoked and expired keys."""

    code = "unauthenticated"
    status = 401
    title = "A valid API key is required: Authorization: Bearer shm_..."


class ScopeMissing(DomainError):
    code = "scope_missing"
    status = 403
    title = "The API key does not have the scope this operation needs."


class AddressNotAllowed(DomainError):
    code = "address_not_allowed"
    status = 403
    title = "The API key may not be used from this address."


class MethodNotAllowed(DomainError):
    code = "method_not_allowed"
    status = 405
    title = "This resource does not have that method."


class BodyTooLarge(DomainError):
    code = "body_too_large"
    status = 413
    title = "The body is larger than 256 kB."


class UnsupportedMediaType(DomainError):
    code = "unsupported_media_type"
    status = 415
    title = "Bodies are application/json in UTF-8."


class VersionRequired(DomainError):
    code = "version_required"
    status = 428
    title = "Send the ETag you last saw as If-Match."


class RateLimited(DomainError):
    code = "rate_limited"
    status = 429
    title = "Too many requests."
    retryable = True


class InternalError(DomainError):
    code = "internal_error"
    status = 500
    title = "Something went wrong on our side; nothing was changed."
    retryable = True


class Unavailable(DomainError):
    code = "unavailable"
    status = 503
    title = "The service is not ready."
    retryable = True


class DatabaseUnavailable(DomainError):
    """The database is away. Whether the request took effect is not known: ask with the same key."""

    code = "database_unavailable"
    status = 503
    title = "The database cannot be reached; try again with the same Idempotency-Key."
    retryable = True
