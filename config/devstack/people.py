"""The operators of a development stack: real accounts with random passwords, printed once."""

import secrets

from django.contrib.auth.models import Group, User

PASSWORD_BYTES = 12
# Two people, because nobody approves alone, and one who only looks.
OPERATORS = {
    "olivia": ("compliance_officer", "issuance_ops", "custody_ops", "api_admin"),
    "peter": ("compliance_head", "issuance_ops", "treasury"),
    "audrey": ("auditor",),
}


def renew_operators() -> list[dict[str, str]]:
    """Create the operators when absent and give each a new password: name, groups, password."""
    renewed = []
    for name, groups in OPERATORS.items():
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        user.set_password(password)
        user.save()
        user.groups.set(Group.objects.filter(name__in=groups))
        renewed.append({"name": name, "groups": ", ".join(groups), "password": password})
    return renewed
