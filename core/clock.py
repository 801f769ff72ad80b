"""The database's clock: machines whose own clocks differ agree on what is due and whose lease ended."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection


def database_clock() -> Callable[[], datetime]:
    """A clock that goes on from the database's time of now, whatever this machine calls it.

    Ask for a new one at the start of each task: it runs on this machine's steady clock from there.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (started,) = cursor.fetchone()
    since = time.monotonic()
    return lambda: started + timedelta(seconds=time.monotonic() - since)
