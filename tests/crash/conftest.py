"""The stage, shared with issuance's tests."""

from tests.issuance.conftest import ready, stage

__all__ = ["ready", "stage"]
