"""How a browser meets the rules: cookies, the guard, navigation."""
