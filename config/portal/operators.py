"""The operators' own page: who may sign in, and with which groups."""

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from core import portal
from core.portal import Fact


class OperatorAdmin(portal.ReadOnlyAdmin[User]):
    """Operators are made by ``manage.py create_operator``; this page only shows them."""

    list_title = "Operators"

    list_display = (
        "username",
        "group_names",
        portal.yes_no_column("is_active", "Active"),
        portal.yes_no_column("is_superuser", "Superuser"),
        portal.time_column("last_login", "Last sign-in"),
    )
    ordering = ("username",)
    search_fields = ("username",)
    search_help_text = "Search by sign-in name"
    list_filter = ("groups", "is_active")
    intro = "Operators are created on the server with manage.py create_operator."

    @admin.display(description="Groups")
    def group_names(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or portal.BLANK.text

    def heading(self, user: User) -> str:
        return user.get_username()

    def facts(self, request: HttpRequest, user: User) -> Sequence[Fact]:
        return [
            Fact("Groups", portal.text(self.group_names(user))),
            Fact("Active", portal.yes_no(user.is_active)),
            Fact("Superuser", portal.yes_no(user.is_superuser)),
            Fact("Last sign-in", portal.time(user.last_login)),
            Fact("Created", portal.time(user.date_joined)),
        ]


def take_over(site: AdminSite) -> None:
    """Put the read-only page in place of django.contrib.auth's editable ones."""
    site.unregister([User, Group])
    site.register(User, OperatorAdmin)
