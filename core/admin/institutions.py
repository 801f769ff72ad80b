"""Institutions: the tenants, with their keys and endpoints."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest

from core import portal
from core.admin import actions
from core.models import Institution
from core.portal import Cell, Fact, Panel


@admin.register(Institution)
class InstitutionAdmin(portal.ReadOnlyAdmin[Institution]):
    """Who calls the API."""

    service_actions = actions.INSTITUTION_ACTIONS

    list_display = ("name", "country", portal.status_column(), portal.time_column())
    search_fields = ("name", "lei")
    search_help_text = "Search by name, LEI or id"
    list_filter = ("status",)
    ordering = ("name",)
    empty_text = "An institution is created with manage.py create_institution."

    def facts(self, request: HttpRequest, row: Institution) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Country", portal.text(row.country)),
            Fact("LEI", portal.code(row.lei)),
            Fact("Created", portal.time(row.created_at)),
        ]

    def panels(self, request: HttpRequest, row: Institution) -> Sequence[Panel]:
        keys = row.api_keys.order_by("-created_at")
        endpoints = row.webhook_endpoints.order_by("-created_at")
        return [
            Panel(
                title="API keys",
                columns=("Key", "Name", "Status", "Expires", "Last used"),
                rows=[
                    (
                        portal.code(f"{key.kid} ... {key.last_four}", href=portal.page_url(key)),
                        portal.text(key.name),
                        portal.status(key.status),
                        portal.time(key.expires_at),
                        portal.time(key.last_used_at),
                    )
                    for key in keys
                ],
                empty="No key was issued to this institution.",
            ),
            Panel(
                title="Webhook endpoints",
                columns=("Address", "Status", "Last success"),
                rows=[
                    (
                        Cell(endpoint.url, href=portal.page_url(endpoint), mono=True),
                        portal.status(endpoint.status),
                        portal.time(endpoint.last_success_at),
                    )
                    for endpoint in endpoints
                ],
                empty="This institution has registered no endpoint.",
            ),
            portal.timeline(row),
        ]
