"""The settings of a test run: the real ones, on private servers started here."""

# ruff: noqa: E402 - the servers must run before the real settings read the environment
import gc
import os

from config.devstack import testing

# What is imported and collected stays: tests/conftest.py begins to look for garbage after it.
gc.disable()
testing.provide()

from config.settings import *  # noqa: F403
from config.settings import DATABASES

DATABASES["default"]["TEST"] = {"NAME": os.environ["TEST_DATABASE_NAME"]}
# Each test opens and closes its own connections; a kept one would block dropping the database.
DATABASES["default"]["CONN_MAX_AGE"] = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
