"""The command palette: pages by name, and one object by any id a person pastes."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.dataclasses import SearchResult

from core import portal

RESULTS_PER_MODEL_MAX = 5
# Looked through by text as well as by id; the others are too large or hold nothing to type.
BY_TEXT = frozenset({"investor", "order", "deposit", "fund", "token", "institution", "wallet"})


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Objects the person may view that the term finds, a few of each kind."""
    pasted = portal.uuid_in(term.strip())
    results = []
    for model, page in admin.site._registry.items():  # noqa: SLF001 - the site has no other list
        by_text = model._meta.model_name in BY_TEXT
        if not isinstance(page, portal.ReadOnlyAdmin) or not (pasted or by_text):
            continue
        if not page.has_view_permission(request) or (pasted and not portal.has_uuid(model)):
            continue
        rows = page.get_queryset(request)
        found = (
            rows.filter(pk=pasted) if pasted else page.get_search_results(request, rows, term)[0]
        )
        results += [
            SearchResult(
                title=page.heading(row),
                description=page.plural(),
                link=portal.page_url(row),
                icon="data_object",
            )
            for row in found[:RESULTS_PER_MODEL_MAX]
        ]
    return results
