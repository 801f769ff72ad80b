"""How the portal looks, and its sidebar: Unfold's settings, imported by config.settings."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static

# Deep teal; every text shade keeps 4.5:1 against its background.
PRIMARY = {
    "50": "oklch(97.8% .014 196)",
    "100": "oklch(94.5% .032 196)",
    "200": "oklch(89.5% .056 196)",
    "300": "oklch(82% .085 196)",
    "400": "oklch(73% .105 196)",
    "500": "oklch(62% .103 197)",
    "600": "oklch(50% .086 198)",
    "700": "oklch(43.5% .074 199)",
    "800": "oklch(37% .061 200)",
    "900": "oklch(31.5% .05 201)",
    "950": "oklch(23% .038 202)",
}


def environment(_request: HttpRequest) -> list[str]:
    """The pill in the page head: which installation this is, red when it is the real one."""
    name: str = settings.SHAREMINT_ENVIRONMENT
    return [name, "info" if settings.DEVELOPMENT else "danger"]


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Sharemint",
    "SITE_HEADER": "Sharemint",
    "SITE_SYMBOL": "token",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("portal/favicon.svg"),
        }
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "LOGIN": {"form": "config.portal.signin.SignInForm"},
    "ENVIRONMENT": "config.portal.theme.environment",
    "COLORS": {
        "primary": PRIMARY,
        "font": {
            "subtle-light": "var(--color-base-600)",
            "subtle-dark": "var(--color-base-400)",
            "default-light": "var(--color-base-700)",
            "default-dark": "var(--color-base-200)",
            "important-light": "var(--color-base-900)",
            "important-dark": "var(--color-base-50)",
        },
    },
    "STYLES": [lambda _request: static("portal/portal.css")],
    "SCRIPTS": [lambda _request: static("portal/alpine-shell.js")],
    "COMMAND": {
        "search_models": False,
        "show_history": False,
        "search_callback": "config.portal.palette.search",
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "config.portal.navigation.sidebar",
    },
}
