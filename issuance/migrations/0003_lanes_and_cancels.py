"""Several keys per role, lanes halted with a reason, and forms that cancel a stuck call."""

from django.db import migrations, models
from django.db.models import Q

_GUARD = """
CREATE OR REPLACE FUNCTION issuance_guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.chain_transaction_id, OLD.sequence, OLD.tx_hash, OLD.raw, OLD.max_fee_wei,
        OLD.tip_wei{old})
        IS DISTINCT FROM
       (NEW.chain_transaction_id, NEW.sequence, NEW.tx_hash, NEW.raw, NEW.max_fee_wei,
        NEW.tip_wei{new})
    THEN
        RAISE EXCEPTION 'signed bytes never change' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("issuance", "0002_guards")]
    operations = [
        migrations.RemoveConstraint(model_name="signer", name="signer_role_once"),
        migrations.AddField(
            model_name="signer",
            name="halted_reason",
            field=models.CharField(blank=True, max_length=200, default=""),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="signer",
            constraint=models.CheckConstraint(
                name="signer_halt_explained",
                condition=Q(halted=False) | ~Q(halted_reason=""),
            ),
        ),
        migrations.AddIndex(
            model_name="signer",
            index=models.Index(name="signer_by_role", fields=["chain_id", "role"]),
        ),
        migrations.AddField(
            model_name="attempt",
            name="cancels",
            field=models.BooleanField(default=False),
        ),
        migrations.RunSQL(
            _GUARD.format(old=", OLD.cancels", new=", NEW.cancels"),
            _GUARD.format(old="", new=""),
        ),
        migrations.AddField(
            model_name="chaintransaction",
            name="cancel_asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="chaintransaction",
            name="cancel_reason",
            field=models.CharField(blank=True, max_length=200, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="chaintransaction",
            name="cancelled_by",
            field=models.CharField(blank=True, max_length=80, default=""),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="chaintransaction",
            constraint=models.CheckConstraint(
                name="chain_transaction_cancel_explained",
                condition=Q(cancel_asked_at__isnull=True)
                | (~Q(cancel_reason="") & ~Q(cancelled_by="")),
            ),
        ),
    ]
