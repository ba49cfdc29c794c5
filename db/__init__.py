"""Where things are kept: tables, engine and transactions; knows no rule and no framework."""
