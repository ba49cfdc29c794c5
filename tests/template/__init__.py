"""What only the template tests: making a project, upgrading one, and its suite there."""
