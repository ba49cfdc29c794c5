"""What only a browser proves: cookies, reloads, and what a person gets to see."""
