"""Logs as JSON lines on stderr: one event each, with the request's id and without secrets."""

from typing import Any

import structlog

from core import redaction, requests


def add_request_id(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Bind the id of the request being served, if any."""
    request_id = requests.current_id()
    if request_id:
        event.setdefault("request_id", request_id)
    return event


def redact(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Blank what must never be written down, by name and by pattern."""
    return redaction.clean_mapping(event)


# Order matters: redaction comes after everything that adds text, tracebacks included.
_SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_request_id,
]
_FINAL: list[structlog.types.Processor] = [
    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
    redact,
    structlog.processors.JSONRenderer(sort_keys=True),
]


def configure() -> None:
    """Send structlog's own loggers through the standard library's, so that both look alike."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def settings(level: str) -> dict[str, Any]:
    """The value of Django's LOGGING."""
    configure()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "foreign_pre_chain": _SHARED,
                "processors": _FINAL,
            },
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            # Expected refusals are answers, not errors; the access log is the proxy's.
            "django.request": {"level": "ERROR", "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
