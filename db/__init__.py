"""Where things are kept: tables, the engine and its transactions; knows no rule and no framework."""
