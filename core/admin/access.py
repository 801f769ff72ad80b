"""API keys: who holds them, what they may do and when they end."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.admin import actions
from core.models import ApiKey
from core.portal import Fact, Panel


@admin.register(ApiKey)
class ApiKeyAdmin(portal.ReadOnlyAdmin[ApiKey]):
    """The secret is never here: it is shown once when the key is issued or rotated."""

    list_title = "API keys"

    service_actions = actions.API_KEY_ACTIONS

    list_display = (
        "masked",
        "name",
        "institution",
        portal.status_column(),
        portal.time_column("expires_at", "Expires"),
        portal.time_column("last_used_at", "Last used"),
    )
    list_select_related = ("institution",)
    list_filter = ("status", "institution")
    search_fields = ("name", "kid")
    search_help_text = "Search by name, key id or id"
    ordering = ("-pk",)
    intro = "A key's secret is shown once, when it is issued or rotated. Only a digest is kept."

    @display(description="Key", ordering="kid")  # type: ignore[untyped-decorator]
    def masked(self, row: ApiKey) -> str:
        return f"{row.kid} ... {row.last_four}"

    def heading(self, row: ApiKey) -> str:
        return f"{row.name} ({row.kid})"

    def facts(self, request: HttpRequest, row: ApiKey) -> Sequence[Fact]:
        networks = ", ".join(map(str, row.allowed_networks)) or "any address"
        replaced = row.replaces
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Institution", portal.link(row.institution, portal.page_url(row.institution))),
            Fact("Key", portal.code(self.masked(row))),
            Fact("Scopes", portal.text(", ".join(sorted(row.scopes)))),
            Fact("Allowed addresses", portal.text(networks)),
            Fact("Issued", portal.time(row.created_at)),
            Fact("Issued by", portal.actor(row.created_by)),
            Fact("Expires", portal.time(row.expires_at)),
            Fact("Last used", portal.time(row.last_used_at)),
            Fact(
                "Replaces",
                portal.code(replaced.kid, href=portal.page_url(replaced))
                if replaced
                else portal.BLANK,
            ),
        ]

    def panels(self, request: HttpRequest, row: ApiKey) -> Sequence[Panel]:
        return [portal.timeline(row)]
