"""The link between browser and rules: cookies, the guard, navigation."""
