"""Who sits at the terminal: a decision of people is not taken by a process."""

from getpass import getpass

from django.contrib.auth import authenticate
from django.core.management.base import CommandError

from core import actors
from core.actors import Actor


def sign_in(name: str, *, password: str = "") -> Actor:
    """The operator of that name, by the portal's password. Raises CommandError."""
    user = authenticate(username=name, password=password or getpass(f"Password of {name}: "))
    if user is None or user.pk is None:
        raise CommandError("sign_in_refused: name or password is wrong")
    return actors.operator(user.pk)
