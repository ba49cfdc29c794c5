"""Account life: tests of everything between sign-up and deletion."""
