"""Create the operator groups and give each its permissions; safe to run again."""

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.base import BaseCommand
from django.db import transaction

from config.portal import roles
from config.portal.models import OperatorAction


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: object, **options: object) -> None:
        with transaction.atomic(durable=True):
            for name in roles.GROUPS:
                group, _ = Group.objects.get_or_create(name=name)
                group.permissions.set([*_views_of(name), *_actions_of(name)])
        self.stdout.write(f"groups: {', '.join(roles.GROUPS)}")


def _views_of(group: str) -> list[Permission]:
    visible = [
        model
        for model in apps.get_models()
        if admin.site.is_registered(model)
        and roles.may_view(group, model._meta.app_label, model._meta.model_name or "")
    ]
    types = ContentType.objects.get_for_models(*visible, for_concrete_models=False).values()
    return list(Permission.objects.filter(content_type__in=types, codename__startswith="view_"))


def _actions_of(group: str) -> list[Permission]:
    carrier = ContentType.objects.get_for_model(OperatorAction)
    return list(
        Permission.objects.filter(content_type=carrier, codename__in=roles.action_codenames(group))
    )
