"""The permissions to hold, and to mend stuck work."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('portal', '0002_breaker_reset'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='operatoraction',
            options={'default_permissions': (), 'managed': False, 'permissions': [('propose_investor', 'Propose that an investor is approved'), ('approve_investor', 'Approve an investor another person proposed'), ('reject_investor', 'Reject an investor'), ('restrict_investor', 'Suspend, freeze or limit an investor to exits'), ('release_investor', "Lift an investor's suspension or freeze"), ('record_fact', 'Record a fact about an investor'), ('record_check', 'Record or run a verification check'), ('propose_override', 'Propose an override of one policy rule'), ('approve_override', 'Approve an override another person proposed'), ('revoke_wallet', 'Revoke a wallet'), ('approve_order', 'Approve an order held for review'), ('reject_order', 'Reject an order held for review'), ('close_fund', 'Close a fund to new business'), ('import_statement', "Import a custodian's statement or confirmation"), ('cancel_movement', 'Call off a deposit or delivery'), ('adjust_ledger', 'Propose or approve a ledger adjustment'), ('halt_ledger', 'Freeze a fund or lift its freeze'), ('resolve_break', 'Resolve a reconciliation break'), ('reset_breaker', 'Halt new work or propose to let it pass'), ('approve_breaker_reset', 'Let halted work pass that another person proposed'), ('hold_compliance', "Place a hold of compliance, or lift another person's"), ('hold_operations', 'Place or lift a hold of operations'), ('mend_transaction', 'Look again at, hurry or call off stuck work'), ('issue_api_key', 'Issue, rotate or revoke an API key'), ('redeliver_webhook', 'Send a webhook delivery again'), ('manage_webhook', 'Test, pause or rotate a webhook endpoint')]},
        ),
    ]
