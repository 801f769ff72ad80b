"""Create an operator of the portal, or give an existing one other groups.

Without --password-stdin a new operator gets a random password, printed once.
"""

import secrets
import sys
from typing import cast

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from config.portal import roles

PASSWORD_BYTES = 18


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the sign-in name")
        parser.add_argument(
            "--group", action="append", required=True, choices=roles.GROUPS, dest="groups"
        )
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )

    def handle(self, *args: object, **options: object) -> None:
        name, wanted = str(options["name"]), set(cast("list[str]", options["groups"]))
        with transaction.atomic(durable=True):
            groups = list(Group.objects.filter(name__in=wanted))
            if len(groups) != len(wanted):
                raise CommandError("Run `manage.py seed_roles` first: a group is missing.")
            user, created = User.objects.get_or_create(username=name, defaults={"is_staff": True})
            password = self._password(user, from_stdin=bool(options["password_stdin"]))
            if created or options["password_stdin"]:
                user.set_password(password)
                user.save()
            user.groups.set(groups)
        shown = password if created and not options["password_stdin"] else ""
        self.stdout.write(f"{name}: {', '.join(sorted(wanted))}{' ' + shown if shown else ''}")

    def _password(self, user: User, *, from_stdin: bool) -> str:
        if not from_stdin:
            return secrets.token_urlsafe(PASSWORD_BYTES)
        password = sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password, user)
        except ValidationError as invalid:
            raise CommandError(" ".join(invalid.messages)) from invalid
        return password
