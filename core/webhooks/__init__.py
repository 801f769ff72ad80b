"""Signed webhooks over PostgreSQL rows: where they may go, how they are signed, who sends them."""
