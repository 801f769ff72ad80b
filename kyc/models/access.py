"""Requests refused because of the place they came from."""

from django.db import models


class AccessEvent(models.Model):
    """One refused request. The address is kept only as its /24 or /48 network."""

    at = models.DateTimeField(db_index=True)
    network = models.CharField(max_length=43)
    country = models.CharField(max_length=2, blank=True)
    database_built_at = models.DateTimeField(null=True)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=200)
    code = models.CharField(max_length=40)
    request_id = models.CharField(max_length=128, blank=True)

    def __str__(self) -> str:
        return f"{self.code} {self.country or 'unknown'}"
