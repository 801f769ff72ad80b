"""What every public row has in common: a uuid, a public id, a version, a time of creation."""

import uuid
from typing import ClassVar

from django.db import models

from core.ids import encode_id, new_uuid


class PublicRow(models.Model):
    """A row the API can show. ``PREFIX`` names its kind in public ids."""

    PREFIX: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """The identifier the API shows, such as ``ord_01k9...``."""
        known = self.id
        return encode_id(self.PREFIX, known if type(known) is uuid.UUID else uuid.UUID(str(known)))
