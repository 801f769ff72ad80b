"""Operators and the small world of the browser tests, asked by Django's own test client."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from tests.browser import world as worlds

PASSWORD = "correct horse battery staple"


@pytest.fixture
def operator(db) -> Callable[..., User]:  # noqa: ARG001 - asked for its effect
    """Make an operator in the named, seeded groups."""
    call_command("seed_roles", verbosity=0)

    def make(name: str, *groups: str, **more) -> User:
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **more)
        user.groups.set(Group.objects.filter(name__in=groups))
        return user

    return make


@pytest.fixture
def world(operator) -> worlds.World:
    """Rows of every model in many states."""
    return worlds.build(operator)


@pytest.fixture
def enter() -> Callable[[User], Client]:
    """A client signed in as that person."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
