"""The action permissions, as Django knows them: a model without a table carries their names."""

from django.db import models

from config.portal.roles import ACTIONS


class OperatorAction(models.Model):
    """Never stored. One permission per action a person can take in the portal."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [(name, label) for name, (label, _) in ACTIONS.items()]

    def __str__(self) -> str:
        return "operator action"
