"""The API client of core's tests, for kyc's paths."""

from tests.core.conftest import api, client_for

__all__ = ["api", "client_for"]
