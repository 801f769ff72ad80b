"""What the models say the database refuses, it refuses: no migration has lost a constraint or an index."""

import pytest
from django.apps import apps
from django.db import connection


@pytest.mark.django_db
def test_every_constraint_and_index_of_a_model_is_in_the_database():
    named = {
        each.name
        for model in apps.get_models()
        for each in [*model._meta.constraints, *model._meta.indexes]
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes UNION SELECT conname FROM pg_constraint")
        there = {row[0] for row in cursor.fetchall()}
    assert len(named) > len(apps.get_models()), "or this looks at nothing"
    assert named - there == set()
