"""Account life: what happens to an account between signing up and goodbye."""
