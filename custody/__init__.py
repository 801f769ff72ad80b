"""What backs it: funds, custody accounts, the ledger, deposits, deliveries and attestations."""
