"""Between the browser and the rules: cookies, the guard, navigation, and HTTP."""
