"""Holds, the stops of transfers they ask for, and the key and calls that make those."""

import core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_two_person_reset'),
        ('custody', '0004_moves'),
        ('issuance', '0005_moves'),
        ('kyc', '0002_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField()),
                ('stops_mint', models.BooleanField()),
                ('stops_redeem', models.BooleanField()),
                ('stops_transfer', models.BooleanField()),
                ('status', models.CharField(choices=[('ACTIVE', 'Active'), ('LIFTED', 'Lifted'), ('EXPIRED', 'Expired')], default='ACTIVE', max_length=8)),
                ('owner', models.CharField(choices=[('COMPLIANCE', 'Compliance'), ('OPERATIONS', 'Operations')], max_length=12)),
                ('reason_code', models.CharField(choices=[('corporate_action', 'Corporate Action'), ('compliance_review', 'Compliance Review'), ('legal_order', 'Legal Order'), ('security_incident', 'Security Incident'), ('maintenance', 'Maintenance')], max_length=24)),
                ('note', models.CharField(max_length=400)),
                ('placed_by', models.CharField(max_length=80)),
                ('until', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=80)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='TransferStop',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wanted', models.BooleanField()),
                ('standing', models.BooleanField(default=False)),
                ('ours', models.BooleanField(default=False)),
                ('changed_at', models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='chaintransaction',
            name='chain_transaction_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='signer',
            name='signer_role_known',
        ),
        migrations.AlterField(
            model_name='chaintransaction',
            name='kind',
            field=models.CharField(choices=[('MINT', 'Mint'), ('BURN', 'Burn'), ('CANCEL_REDEEM', 'Cancel Redeem'), ('REGISTER', 'Register'), ('FREEZE', 'Freeze'), ('PAUSE', 'Pause'), ('ATTEST', 'Attest'), ('FILL', 'Fill')], max_length=16),
        ),
        migrations.AlterField(
            model_name='signer',
            name='role',
            field=models.CharField(choices=[('ISSUER', 'Issuer'), ('COMPLIANCE', 'Compliance'), ('PAUSER', 'Pauser')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='chaintransaction',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['MINT', 'BURN', 'CANCEL_REDEEM', 'REGISTER', 'FREEZE', 'PAUSE', 'ATTEST', 'FILL'])), name='chain_transaction_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='signer',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['ISSUER', 'COMPLIANCE', 'PAUSER'])), name='signer_role_known'),
        ),
        migrations.AddField(
            model_name='hold',
            name='fund',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='custody.fund'),
        ),
        migrations.AddField(
            model_name='hold',
            name='institution',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.institution'),
        ),
        migrations.AddField(
            model_name='hold',
            name='investor',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='kyc.investor'),
        ),
        migrations.AddField(
            model_name='hold',
            name='token',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='issuance.token'),
        ),
        migrations.AddField(
            model_name='hold',
            name='wallet',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='kyc.wallet'),
        ),
        migrations.AddField(
            model_name='transferstop',
            name='chain_transaction',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuance.chaintransaction'),
        ),
        migrations.AddField(
            model_name='transferstop',
            name='token',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfer_stops', to='issuance.token'),
        ),
        migrations.AddField(
            model_name='transferstop',
            name='wallet',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='transfer_stops', to='kyc.wallet'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('status', 'ACTIVE')), fields=['status', 'until'], name='hold_active'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['ACTIVE', 'LIFTED', 'EXPIRED'])), name='hold_status_known'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('owner__in', ['COMPLIANCE', 'OPERATIONS'])), name='hold_owner_known'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('reason_code__in', ['corporate_action', 'compliance_review', 'legal_order', 'security_incident', 'maintenance'])), name='hold_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('fund', None), ('investor', None), ('token__isnull', False)), models.Q(('fund__isnull', False), ('investor', None), ('token', None), ('wallet', None)), models.Q(('fund', None), ('investor__isnull', False), ('token', None), ('wallet', None)), _connector='OR'), name='hold_names_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('stops_mint', True), ('stops_redeem', True), ('stops_transfer', True), _connector='OR'), name='hold_stops_something'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('until', None), ('until__gt', models.F('created_at')), _connector='OR'), name='hold_until_later'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ended_by', ''), ('status', 'ACTIVE')), models.Q(models.Q(('status', 'ACTIVE'), _negated=True), models.Q(('ended_by', ''), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='hold_end_known'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('owner', 'COMPLIANCE'), ('status', 'LIFTED'), _negated=True), models.Q(('ended_by', models.F('placed_by')), _negated=True), _connector='OR'), name='hold_of_compliance_lifted_by_another'),
        ),
        migrations.AddConstraint(
            model_name='transferstop',
            constraint=models.UniqueConstraint(fields=('token', 'wallet'), name='transfer_stop_once', nulls_distinct=False),
        ),
    ]
