"""Who may hold: investors, facts, the policy engine, decisions and wallets."""
