"""Storage: tables, engine and transactions; depends on no rule and no framework."""
