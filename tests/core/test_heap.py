"""What a worker does with its garbage collector once its modules are loaded."""

import os
import subprocess
import sys

import pytest

from config.devstack import places
from core.heap import OBJECTS_MADE

REPORT = "import gc; print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000)"
CELERY = (
    "from celery.signals import worker_process_init; import config.celery;"
    " config.celery.app.loader.import_default_modules(); worker_process_init.send(sender=None)"
)
PUMP = (
    "import django; django.setup(); from core.management.commands import pump;"
    " pump._pump = lambda *_: None; pump.Command().handle(once=False)"
)


def said_by(program: str) -> str:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", f"{program}; {REPORT}"]
    done = subprocess.run(
        command,
        cwd=places.CHECKOUT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "program", [pytest.param(CELERY, id="celery"), pytest.param(PUMP, id="pump")]
)
def test_a_worker_never_looks_for_garbage_among_what_it_was_started_with(program):
    assert said_by(program) == f"{OBJECTS_MADE} True"
