"""A ring tells a worker not to wait for the next beat. Losing one costs a few seconds, no more."""

import logging
import time

from celery import current_app
from kombu.exceptions import OperationalError

CONNECT_SECONDS = 0.2
QUIET_SECONDS = 5.0
_log = logging.getLogger(__name__)


class _Doorbell:
    """Remembers a dead broker for a while, so that callers do not each wait for it."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def ring(self, task_name: str) -> None:
        if time.monotonic() < self._silent_until:
            return
        options = {
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": CONNECT_SECONDS,
            "max_retries": 0,
        }
        try:
            with current_app.connection_for_write(
                connect_timeout=CONNECT_SECONDS, transport_options=options
            ) as connection:
                current_app.send_task(
                    task_name, connection=connection, ignore_result=True, retry=False
                )
        except (OperationalError, OSError) as broken:
            # The row is committed and a beat will find it.
            self._silent_until = time.monotonic() + QUIET_SECONDS
            _log.warning("doorbell_broken", extra={"error": type(broken).__name__})


_doorbell = _Doorbell()


def ring(task_name: str) -> None:
    """Ask a worker to run the task now. Never raises for a broker that is away."""
    _doorbell.ring(task_name)
