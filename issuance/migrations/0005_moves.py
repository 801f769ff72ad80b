"""Moves of supply between chains, and the guards that hold their states and terms."""

import core.ids
import core.units
import django.db.models.deletion
from django.db import migrations, models


# A frozen copy of the table in issuance/states.py; tests/issuance compares them.
MOVE_MOVES = {
    "BURNING": "MINTING REJECTED CANCELLED FAILED",
    "MINTING": "COMPLETED FAILED",
}


def _pairs(moves):
    rows = [f"('{a}','{b}')" for a, after in moves.items() for b in after.split()]
    return ", ".join(rows)


FORWARD = f"""
CREATE FUNCTION issuance_guard_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN ({_pairs(MOVE_MOVES)}) THEN
        RAISE EXCEPTION 'a move cannot go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.quantity, OLD.from_token_id, OLD.to_token_id, OLD.from_wallet_id, OLD.to_wallet_id,
        OLD.institution_id, OLD.investor_id, OLD.created_by, OLD.client_move_id)
        IS DISTINCT FROM
       (NEW.quantity, NEW.from_token_id, NEW.to_token_id, NEW.from_wallet_id, NEW.to_wallet_id,
        NEW.institution_id, NEW.investor_id, NEW.created_by, NEW.client_move_id) THEN
        RAISE EXCEPTION 'the terms of a move never change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER issuance_move_guard BEFORE UPDATE ON issuance_move
    FOR EACH ROW EXECUTE FUNCTION issuance_guard_move();
CREATE TRIGGER issuance_move_stays BEFORE DELETE ON issuance_move
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();

CREATE FUNCTION issuance_guard_leg() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the terms of an order never change' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER issuance_order_leg_guard BEFORE UPDATE OF move_id ON issuance_order
    FOR EACH ROW WHEN (OLD.move_id IS DISTINCT FROM NEW.move_id)
    EXECUTE FUNCTION issuance_guard_leg();
"""
BACKWARD = """
DROP TRIGGER issuance_order_leg_guard ON issuance_order;
DROP FUNCTION issuance_guard_leg();
DROP TRIGGER issuance_move_guard ON issuance_move;
DROP TRIGGER issuance_move_stays ON issuance_move;
DROP FUNCTION issuance_guard_move();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_two_person_reset'),
        ('custody', '0004_moves'),
        ('issuance', '0004_recovery_and_blocks'),
        ('kyc', '0002_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Move',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField()),
                ('status', models.CharField(choices=[('BURNING', 'Burning'), ('MINTING', 'Minting'), ('COMPLETED', 'Completed'), ('REJECTED', 'Rejected'), ('CANCELLED', 'Cancelled'), ('FAILED', 'Failed')], default='BURNING', max_length=16)),
                ('quantity', core.units.UnitsField()),
                ('client_move_id', models.CharField(max_length=64)),
                ('reason_code', models.CharField(blank=True, max_length=64)),
                ('created_by', models.CharField(max_length=80)),
                ('ended_at', models.DateTimeField(null=True)),
                ('decision', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kyc.decision')),
                ('from_token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuance.token')),
                ('from_wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kyc.wallet')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.institution')),
                ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='kyc.investor')),
                ('to_token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuance.token')),
                ('to_wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kyc.wallet')),
            ],
        ),
        migrations.AddField(
            model_name='order',
            name='move',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='legs', to='issuance.move'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.UniqueConstraint(fields=('move', 'type', 'custody_account'), name='order_leg_once'),
        ),
        migrations.AddIndex(
            model_name='move',
            index=models.Index(fields=['institution', '-id'], name='move_by_institution'),
        ),
        migrations.AddIndex(
            model_name='move',
            index=models.Index(condition=models.Q(('status__in', ['CANCELLED', 'COMPLETED', 'FAILED', 'REJECTED']), _negated=True), fields=['id'], name='move_open'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.UniqueConstraint(fields=('institution', 'client_move_id'), name='move_client_id_once'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='move_quantity_valid'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.CheckConstraint(condition=models.Q(('from_token', models.F('to_token')), _negated=True), name='move_two_tokens'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['BURNING', 'MINTING', 'COMPLETED', 'REJECTED', 'CANCELLED', 'FAILED'])), name='move_status_known'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('status__in', ['CANCELLED', 'COMPLETED', 'FAILED', 'REJECTED'])), models.Q(models.Q(('status__in', ['CANCELLED', 'COMPLETED', 'FAILED', 'REJECTED']), _negated=True), ('ended_at', None)), _connector='OR'), name='move_end_known'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
