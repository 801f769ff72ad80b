"""Two people close a breaker, and the database refuses less."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_append_only'),
    ]

    operations = [
        migrations.AddField(
            model_name='breaker',
            name='reset_approved_by',
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name='breaker',
            name='reset_proposed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='breaker',
            name='reset_proposed_by',
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name='breaker',
            name='reset_reason',
            field=models.CharField(blank=True, max_length=400),
        ),
        migrations.AddConstraint(
            model_name='breaker',
            constraint=models.CheckConstraint(condition=models.Q(('reset_approved_by', ''), models.Q(('reset_approved_by', models.F('reset_proposed_by')), _negated=True), _connector='OR'), name='halt_reset_by_two'),
        ),
        migrations.AddConstraint(
            model_name='breaker',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reset_proposed_by', ''), ('reset_proposed_by__startswith', 'operator:'), _connector='OR'), models.Q(('reset_approved_by', ''), ('reset_approved_by__startswith', 'operator:'), _connector='OR')), name='halt_reset_by_people'),
        ),
        # NOT VALID: rows closed before this rule keep what they were; every later change obeys it.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE core_breaker ADD CONSTRAINT halt_closed_by_two CHECK"
                    " (status = 'OPEN' OR opened_at IS NULL"
                    " OR (reset_proposed_by <> '' AND reset_approved_by <> '')) NOT VALID",
                    "ALTER TABLE core_breaker DROP CONSTRAINT halt_closed_by_two",
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name='breaker',
                    constraint=models.CheckConstraint(condition=models.Q(('status', 'OPEN'), ('opened_at', None), models.Q(('reset_proposed_by', ''), ('reset_approved_by', ''), _connector='OR', _negated=True), _connector='OR'), name='halt_closed_by_two'),
                ),
            ],
        ),
    ]
