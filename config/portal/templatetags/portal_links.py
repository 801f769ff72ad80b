"""Links that lead a person only where they may go."""

import re

from django import template
from django.http import HttpRequest

register = template.Library()
_PAGE = re.compile(r"^/portal/(?P<app>[a-z]+)/(?P<model>[a-z]+)/")


@register.simple_tag
def may_open(request: HttpRequest, href: str) -> bool:
    """Whether the person may view the page; a cell without that stays plain text."""
    page = _PAGE.match(href)
    if page is None:
        return bool(href)
    return request.user.has_perm(f"{page['app']}.view_{page['model']}")
