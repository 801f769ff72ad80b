"""How drf-spectacular sees our views: the key header, the scopes, the problem answers."""

from drf_spectacular.openapi import AutoSchema


class ApiSchema(AutoSchema):
    """Filled in with the document."""
