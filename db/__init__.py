"""Storage: tables, engine and transactions; imports no rules and no web framework."""
